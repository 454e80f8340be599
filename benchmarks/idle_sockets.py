"""Sockets that wait: how many one process holds, and what each costs beside a bare consumer."""

import asyncio
import resource
import time
from typing import Any

import psutil
import websockets
from websockets.asyncio.client import ClientConnection

from benchmarks.measure import Figure
from benchmarks.web import bare_server, connect, open_conversations
from chat.participants import Visitor
from chat.services.visitors import issue_visit
from chat.tickets import issue_ticket
from crm.core import tenancy
from tests.chaos.stack import Stack

SOCKETS = 2_000
_AT_ONCE = 20
_SETTLE_SECONDS = 5.0


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    count = 200 if quick else SOCKETS
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count * 2 + 1_000), hard))
    asyncio.run(stack.start(stack.web, keep=False))
    try:
        ours = asyncio.run(_hold(stack.web_ports[0], stack.web[0].pid, count, is_bare=False))
    finally:
        asyncio.run(stack.stop())
    with bare_server(stack) as (port, pid):
        bare = asyncio.run(_hold(port, pid, count, is_bare=True))
    return [
        Figure(
            work="memory of an idle socket",
            value=ours["kilobytes"],
            unit="KB",
            floor=bare["kilobytes"],
            floor_of="KB of a bare Channels consumer in the same server",
            how=f"{count} visitors' sockets, each following one conversation: growth of the web "
            "process (RSS) by their number",
            details=f"process before {ours['before']:.0f} MB, after {ours['after']:.0f} MB; bare "
            f"before {bare['before']:.0f} MB, after {bare['after']:.0f} MB",
        ),
        Figure(
            work="idle sockets held by one process",
            value=ours["held"],
            unit="sockets",
            floor=bare["held"],
            floor_of="held by the bare consumer",
            how=f"opened {count}, {_AT_ONCE} at a time, and asked again after "
            f"{_SETTLE_SECONDS:.0f} s whether each still answers",
            details=f"all connected in {ours['seconds']:.1f} s, bare in {bare['seconds']:.1f} s",
        ),
    ]


async def _hold(port: int, pid: int, count: int, *, is_bare: bool) -> dict[str, float]:
    base_url = f"http://127.0.0.1:{port}"
    process = psutil.Process(pid)
    conversations = [] if is_bare else await asyncio.to_thread(open_conversations, 200)
    # The first sockets load what is loaded once.
    warm = [await _open(base_url, conversations, number) for number in range(10)]
    await asyncio.sleep(1)
    before = process.memory_info().rss
    gate = asyncio.Semaphore(_AT_ONCE)

    async def opened(number: int) -> ClientConnection:
        async with gate:
            return await _open(base_url, conversations, number)

    began = time.monotonic()
    sockets = await asyncio.gather(*(opened(number) for number in range(count)))
    seconds = time.monotonic() - began
    await asyncio.sleep(_SETTLE_SECONDS)
    after = process.memory_info().rss
    held = sum(await asyncio.gather(*(_answers(socket) for socket in sockets)))
    for socket in (*sockets, *warm):
        socket.transport.abort()
    return {
        "kilobytes": (after - before) / count / 1024,
        "before": before / 2**20,
        "after": after / 2**20,
        "held": held,
        "seconds": seconds,
    }


async def _open(base_url: str, conversations: list[Any], number: int) -> ClientConnection:
    if not conversations:
        return await websockets.connect(
            base_url.replace("http", "ws", 1) + "/",
            proxy=None,
            compression=None,
            ping_interval=None,
            open_timeout=60,
        )
    conversation = conversations[number % len(conversations)]
    ticket = await asyncio.to_thread(_ticket, conversation)
    position = {
        "stream": conversation.stream,
        "epoch": conversation.epoch,
        "seq": conversation.last_seq,
    }
    return await connect(base_url, "/ws/widget/", {"ticket": ticket, "resume": [position]})


def _ticket(conversation: Any) -> str:
    with tenancy.organization(conversation.organization_id):
        visit = issue_visit(
            widget=conversation.widget, customer=conversation.customer, is_new=False
        )
        claims = Visitor.of(visit.record, "en").claims()
    return issue_ticket(kind="visitor", claims=claims)


async def _answers(socket: ClientConnection) -> bool:
    """Ask whether somebody is there, in the protocol's own way."""
    try:
        async with asyncio.timeout(30):
            await (await socket.ping())
    except (TimeoutError, OSError, websockets.WebSocketException):
        return False
    return True
