"""The path of a message at a fixed rate: accepted for the visitor, shown on the agent's screen."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis.asyncio
import websockets
from django.conf import settings
from websockets.asyncio.client import ClientConnection

from benchmarks.measure import Figure, Spread, at_rate, figure_of
from benchmarks.web import (
    agent_session,
    bare_server,
    connect,
    cookie_header,
    main_organization,
    open_conversations,
    serving,
)
from chat.models import Conversation
from chat.participants import Visitor
from chat.services.visitors import issue_visit
from chat.tickets import issue_ticket
from crm.core import stores, tenancy
from crm.core.ids import uuid7
from tests.chaos.stack import Stack

RATE = 50.0
VISITORS = 50
AGENTS = 5
PATIENCE = 15.0
TEXT = "When will my parcel with two bags of coffee be here, and may I change the address?"


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    seconds = 5 if quick else 30
    conversations = open_conversations(VISITORS)
    with floor_rows(conversations) as rows:
        before = _floor(stack, rows, seconds / 2)
        with serving(stack) as base_url:
            headers = []
            for number in range(AGENTS):
                with agent_session(base_url, number) as session:
                    headers.append(cookie_header(session))
            accepted, shown = asyncio.run(_load(base_url, conversations, headers, seconds))
        after = _floor(stack, rows, seconds / 2)
    floor = Spread(before.values + after.values)
    hint = asyncio.run(_bare_hints(seconds))
    how = (
        f"{VISITORS} visitors' and {AGENTS} agents' sockets on one web process, {RATE:g} messages "
        f"a second for {seconds} s (open load, counted from the moment each was due)"
    )
    return [
        figure_of(
            "message accepted",
            accepted,
            floor=floor,
            floor_of="the same load on a bare Channels consumer that only takes the steps of the "
            "write path in bare drivers: lock the row, read the log's end, insert (w: majority, "
            "j: true), update the row, commit; before and after",
            floor_ratio=2,
            budget=100,
            how=how,
        ),
        figure_of(
            "message on the agent's screen",
            shown,
            floor=hint,
            floor_of="bare Redis PUBLISH until received, same rate",
            budget=200,
            how="the same load, until the agent's socket gets the event",
        ),
    ]


def _floor(stack: Stack, rows: list[Conversation], seconds: float) -> Spread:
    with bare_server(stack) as (port, _pid):
        return asyncio.run(bare_load(port, rows, seconds))


async def _load(
    base_url: str, conversations: list[Conversation], headers: list[dict[str, str]], seconds: int
) -> tuple[Spread, Spread]:
    visitors = [await visitor_socket(base_url, conversation) for conversation in conversations]
    agents = [
        await connect(
            base_url,
            "/ws/inbox/",
            {"resume": [position(conversation) for conversation in conversations[number::AGENTS]]},
            additional_headers=header,
        )
        for number, header in enumerate(headers)
    ]
    due: dict[str, float] = {}
    acked: dict[str, float] = {}
    seen: dict[str, float] = {}
    readers = [asyncio.create_task(read_frames(socket, acked, seen)) for socket in visitors]
    readers += [asyncio.create_task(read_frames(socket, {}, seen)) for socket in agents]
    await asyncio.sleep(1)

    def sending(number: int) -> Any:
        conversation, socket = conversations[number % VISITORS], visitors[number % VISITORS]
        identifier = uuid7().hex

        async def send(moment: float) -> None:
            due[identifier] = moment
            await socket.send(
                json.dumps(
                    {
                        "type": "message.post",
                        "stream": conversation.stream,
                        "client_message_id": identifier,
                        "content": {"type": "text", "text": TEXT},
                    }
                )
            )

        return send

    warm = int(RATE)
    await at_rate([sending(n) for n in range(warm)], rate=RATE)
    await asyncio.sleep(1)
    due.clear()
    await at_rate([sending(n) for n in range(int(RATE * seconds))], rate=RATE)
    await wait_for_all(due, acked, seen)
    await close_all(readers, [*visitors, *agents])
    return durations(due, acked), durations(due, seen)


def durations(due: dict[str, float], arrived: dict[str, float]) -> Spread:
    spread = Spread(lost=len(due.keys() - arrived))
    for identifier, moment in due.items():
        if identifier in arrived:
            spread.add(arrived[identifier] - moment)
    return spread


async def read_frames(
    socket: ClientConnection, acked: dict[str, float], seen: dict[str, float]
) -> None:
    loop = asyncio.get_running_loop()
    is_agent = "inbox" in socket.request.path if socket.request else False
    async for text in socket:
        now = loop.time()
        frame = json.loads(text)
        if frame["type"] == "message.ack":
            acked[frame["client_message_id"]] = now
        elif frame["type"] == "event" and is_agent:
            seen.setdefault(frame["data"].get("client_message_id", ""), now)
        elif frame["type"] == "refused":
            raise RuntimeError(f"Refused: {frame}")


async def visitor_socket(base_url: str, conversation: Conversation) -> ClientConnection:
    ticket = await asyncio.to_thread(_ticket, conversation)
    return await connect(
        base_url, "/ws/widget/", {"ticket": ticket, "resume": [position(conversation)]}
    )


def _ticket(conversation: Conversation) -> str:
    assert conversation.widget is not None
    with tenancy.organization(conversation.organization_id):
        visit = issue_visit(
            widget=conversation.widget, customer=conversation.customer, is_new=False
        )
        claims = Visitor.of(visit.record, "en").claims()
    return issue_ticket(kind="visitor", claims=claims)


def position(conversation: Conversation) -> dict[str, Any]:
    return {
        "stream": conversation.stream,
        "epoch": conversation.epoch,
        "seq": conversation.last_seq,
    }


@contextmanager
def floor_rows(conversations: list[Conversation]) -> Iterator[list[Conversation]]:
    """Copy conversations, for writes without a log; delete them and their messages at the end."""
    rows = []
    for conversation in conversations:
        row = Conversation.objects.get(pk=conversation.pk)
        row.pk, row.opened_by = uuid7(), f"floor-{conversation.pk.hex}"
        row.save(force_insert=True)
        rows.append(row)
    try:
        yield rows
    finally:
        ids = [row.pk for row in rows]
        tenant_id = str(main_organization().pk)
        for pk in ids:
            # One log at a time, by its index: anything wider reads every message there is.
            stores.mongo_db()["messages"].delete_many(
                {"tenant_id": tenant_id, "conversation_id": str(pk)}
            )
        Conversation.objects.filter(pk__in=ids).delete()


async def bare_load(
    port: int,
    rows: list[Conversation],
    seconds: float,
    *,
    rate: float = RATE,
    on_warm: Callable[[], object] = lambda: None,
) -> Spread:
    """Send what `_load` sends to a consumer that takes only the steps of the write path."""
    sockets = [
        await websockets.connect(
            f"ws://127.0.0.1:{port}/write/", proxy=None, compression=None, ping_interval=None
        )
        for _ in rows
    ]
    due: dict[str, float] = {}
    acked: dict[str, float] = {}
    readers = [asyncio.create_task(read_frames(socket, acked, {})) for socket in sockets]

    def sending(number: int) -> Any:
        row, socket = rows[number % len(rows)], sockets[number % len(rows)]
        post = {"tenant_id": str(row.organization_id), "conversation_id": str(row.pk), "text": TEXT}

        async def send(moment: float) -> None:
            identifier = uuid7().hex
            due[identifier] = moment
            await socket.send(json.dumps(post | {"client_message_id": identifier}))

        return send

    await at_rate([sending(n) for n in range(int(RATE))], rate=RATE)
    await asyncio.sleep(1)
    due.clear()
    on_warm()
    await at_rate([sending(n) for n in range(int(rate * seconds))], rate=rate)
    await wait_for_all(due, acked)
    await close_all(readers, sockets)
    return durations(due, acked)


async def wait_for_all(due: dict[str, float], *arrived: dict[str, float]) -> None:
    deadline = time.monotonic() + PATIENCE
    # Many readers fill them: there is no one event to wait for.
    while time.monotonic() < deadline and any(due.keys() - each for each in arrived):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def close_all(readers: list[asyncio.Task[None]], sockets: list[ClientConnection]) -> None:
    for reader in readers:
        reader.cancel()
    results = await asyncio.gather(*readers, return_exceptions=True)
    for socket in sockets:
        await socket.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _bare_hints(seconds: int) -> Spread:
    """Publish and receive, on two connections of Redis' own client."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    listener = client.pubsub()
    await listener.subscribe("bench:hints")
    loop = asyncio.get_running_loop()
    due: dict[str, float] = {}
    seen: dict[str, float] = {}

    async def receive() -> None:
        async for message in listener.listen():
            if message["type"] == "message":
                seen[message["data"].decode()] = loop.time()

    reader = asyncio.create_task(receive())

    async def publish(moment: float) -> None:
        identifier = uuid7().hex
        due[identifier] = moment
        await client.publish("bench:hints", identifier)

    await at_rate([publish] * int(RATE * seconds), rate=RATE)
    await asyncio.sleep(0.5)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    await listener.aclose()
    await client.aclose()
    return durations(due, seen)
