"""What a message costs the web process at rising rates, over the socket and over HTTP.

Each message is counted from the moment when it was due. The cost is CPU time of the web process,
which a busy machine changes less than it changes durations.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import psutil
from websockets.asyncio.client import ClientConnection

from benchmarks.measure import Figure, Spread, at_rate
from benchmarks.messages import (
    TEXT,
    bare_load,
    close_all,
    durations,
    floor_rows,
    position,
    visitor_socket,
    wait_for_all,
)
from benchmarks.web import (
    agent_session,
    bare_server,
    connect,
    cookie_header,
    open_conversations,
    serving,
)
from chat.models import Conversation
from chat.services.visitors import issue_visit
from crm.core import tenancy
from crm.core.ids import uuid7
from tests.chaos.stack import Stack

RATES = (10, 50, 100, 150, 200)
SECONDS = 2.0
VISITORS = 50
AGENTS = 5
# From a delay like this one on, higher rates only measure how long the queue grows.
_COLLAPSED_MS = 1500.0


@dataclass
class Run:
    """One rate over one transport; ``cpu`` is in seconds of the serving process."""

    rate: float
    cpu: float = math.nan
    due: dict[str, float] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> Spread:
        return durations(self.due, self.acked)

    @property
    def delivered(self) -> Spread:
        return durations(self.due, self.seen)

    @property
    def milliseconds(self) -> float:
        """Return the CPU time of one message."""
        return self.cpu * 1000 / len(self.due)


class Sender(Protocol):
    """Sends one message of a visitor under a client_message_id, and notes when it is acked."""

    async def send(self, identifier: str, acked: dict[str, float]) -> None: ...


def run(stack: Stack, *, quick: bool, seconds: float = SECONDS) -> list[Figure]:
    conversations = open_conversations(VISITORS)
    floors: dict[float, tuple[float, Spread]] = {}
    with floor_rows(conversations) as rows, bare_server(stack) as (port, pid):
        for rate in RATES:
            floors[rate] = _floor(port, pid, rows, rate=rate, seconds=seconds / 2)
    with serving(stack) as base_url:
        headers = []
        for number in range(AGENTS):
            with agent_session(base_url, number) as session:
                headers.append(cookie_header(session))
        runs = asyncio.run(_load(base_url, stack.web[0].pid, conversations, headers, seconds))
    return [_figure(transport, each, floors[each.rate], seconds) for transport, each in runs]


def _figure(transport: str, run: Run, floor: tuple[float, Spread], seconds: float) -> Figure:
    accepted, delivered = run.accepted, run.delivered
    floor_cpu, floor_accepted = floor
    return Figure(
        work=f"a message over {transport} at {run.rate:g}/s",
        value=run.milliseconds,
        unit="ms CPU",
        floor=floor_cpu,
        floor_of="the bare Channels consumer that only takes the steps of the write path",
        how=f"{VISITORS} visitors, {AGENTS} agents' sockets, one web process, {seconds:g} s (open "
        "load, counted from the moment each was due); CPU time of the web process by its messages",
        details=f"accepted {_words(accepted)}; delivered {_words(delivered)}; floor: accepted "
        f"{_words(floor_accepted)}",
    )


def _words(spread: Spread) -> str:
    lost = f", lost {spread.lost}" if spread.lost else ""
    return f"p50 {spread.percentile(50):.1f} p95 {spread.p95:.1f} ms{lost}"


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _floor(
    port: int, pid: int, rows: list[Conversation], *, rate: int, seconds: float
) -> tuple[float, Spread]:
    began = [0.0]

    def on_warm() -> None:
        began[0] = _cpu_seconds(pid)

    spread = asyncio.run(bare_load(port, rows, seconds, rate=rate, on_warm=on_warm))
    spent = _cpu_seconds(pid) - began[0]
    return spent * 1000 / (len(spread.values) + spread.lost), spread


async def _load(
    base_url: str,
    pid: int,
    conversations: list[Conversation],
    headers: list[dict[str, str]],
    seconds: float,
) -> list[tuple[str, Run]]:
    runs: list[tuple[str, Run]] = []
    for transport, opened in (("the socket", _sockets), ("HTTP", _connections)):
        present: dict[str, Run] = {"run": Run(rate=RATES[0])}
        async with (
            _agents(base_url, conversations, headers, present),
            opened(base_url, conversations) as senders,
        ):
            await asyncio.sleep(1)
            await _drive(senders, present["run"], count=VISITORS)
            for rate in RATES:
                present["run"] = each = Run(rate=rate)
                began = _cpu_seconds(pid)
                await _drive(senders, each, count=int(rate * seconds))
                each.cpu = _cpu_seconds(pid) - began
                runs.append((transport, each))
                if not each.delivered.p95 < _COLLAPSED_MS:
                    break
    return runs


async def _drive(senders: Sequence[Sender], run: Run, *, count: int) -> None:
    def sending(number: int) -> Callable[[float], Awaitable[None]]:
        async def send(moment: float) -> None:
            identifier = uuid7().hex
            run.due[identifier] = moment
            await senders[number % len(senders)].send(identifier, run.acked)

        return send

    await at_rate([sending(number) for number in range(count)], rate=run.rate)
    await wait_for_all(run.due, run.acked, run.seen)


@asynccontextmanager
async def _agents(
    base_url: str,
    conversations: list[Conversation],
    headers: list[dict[str, str]],
    present: dict[str, Run],
) -> AsyncIterator[None]:
    """Connect the team: each agent follows a part of the conversations and sees every row."""
    sockets = [
        await connect(
            base_url,
            "/ws/inbox/",
            {
                "resume": [
                    position(conversation) for conversation in conversations[number :: len(headers)]
                ]
            },
            additional_headers=header,
        )
        for number, header in enumerate(headers)
    ]

    async def read(socket: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "event":
                key = frame["data"].get("client_message_id", "")
                present["run"].seen.setdefault(key, loop.time())

    readers = [asyncio.create_task(read(socket)) for socket in sockets]
    try:
        yield
    finally:
        await close_all(readers, sockets)


@dataclass
class _Socket:
    socket: ClientConnection
    stream: str
    acked: dict[str, float]

    async def send(self, identifier: str, acked: dict[str, float]) -> None:
        self.acked = acked
        await self.socket.send(
            json.dumps(
                {
                    "type": "message.post",
                    "stream": self.stream,
                    "client_message_id": identifier,
                    "content": {"type": "text", "text": TEXT},
                }
            )
        )

    async def read(self) -> None:
        loop = asyncio.get_running_loop()
        async for text in self.socket:
            frame = json.loads(text)
            if frame["type"] == "message.ack":
                self.acked[frame["client_message_id"]] = loop.time()
            elif frame["type"] == "refused":
                raise RuntimeError(f"Refused: {frame}")


@asynccontextmanager
async def _sockets(
    base_url: str, conversations: list[Conversation]
) -> AsyncIterator[list[_Socket]]:
    senders = [
        _Socket(await visitor_socket(base_url, conversation), conversation.stream, {})
        for conversation in conversations
    ]
    readers = [asyncio.create_task(sender.read()) for sender in senders]
    try:
        yield senders
    finally:
        await close_all(readers, [sender.socket for sender in senders])


class _Connection:
    """One visitor's HTTP connection, kept alive; its requests follow each other, as a browser's."""

    def __init__(
        self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], head: bytes
    ) -> None:
        self._reader, self._writer = streams
        self._head = head
        self._lock = asyncio.Lock()

    async def send(self, identifier: str, acked: dict[str, float]) -> None:
        body = json.dumps({"content": {"type": "text", "text": TEXT}}).encode()
        more = f"Idempotency-Key: {identifier}\r\nContent-Length: {len(body)}\r\n\r\n"
        async with self._lock:
            self._writer.write(self._head + more.encode() + body)
            response_head = await self._reader.readuntil(b"\r\n\r\n")
            names = dict(
                line.lower().split(b": ", 1)
                for line in response_head.split(b"\r\n")[1:]
                if b": " in line
            )
            answer = await self._reader.readexactly(int(names[b"content-length"]))
        if b" 201 " not in response_head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"Refused: {response_head!r} {answer!r}")
        acked[identifier] = asyncio.get_running_loop().time()

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def _connections(
    base_url: str, conversations: list[Conversation]
) -> AsyncIterator[list[_Connection]]:
    host = base_url.removeprefix("http://")
    name, _, port = host.partition(":")
    senders = []
    for conversation in conversations:
        token = await asyncio.to_thread(_token, conversation)
        lines = (
            f"POST /api/v1/streams/{conversation.stream}/messages HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        )
        streams = await asyncio.open_connection(name, int(port))
        senders.append(_Connection(streams, lines.encode()))
    try:
        yield senders
    finally:
        for sender in senders:
            sender.close()


def _token(conversation: Conversation) -> str:
    assert conversation.widget is not None
    with tenancy.organization(conversation.organization_id):
        return issue_visit(
            widget=conversation.widget, customer=conversation.customer, is_new=False
        ).token
