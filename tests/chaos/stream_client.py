"""A client of the stream protocol that does what docs/stream-protocol.md asks of every client.

Unsent messages wait in an outbox and are sent again under the same id until they are acknowledged;
events are shown by ``seq``, each once; a gap is pulled; a lost connection is resumed with a new
ticket after a pause that doubles and is spread at random.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin

from chat.frames import FRAMES_OUT
from tests.chaos.http_client import Backoff, HttpClient, Unreachable
from tests.chaos.records import Ack, Draft, Observed, StreamLog

ACK_SECONDS = 10.0
WELCOME_SECONDS = 10.0
HEARTBEATS_MISSED = 2.5
STEADY_SECONDS = 5.0
# Refusals that heal by themselves.
TRANSIENT = frozenset({"store_unavailable", "rate_limited"})
# Ends of a socket that a client only comes back from.
EXPECTED_CLOSES = frozenset({1000, 1001, 1006, 1012, 4401})


class StreamClient(HttpClient):
    """One person's program; `run` keeps it connected until it is cancelled."""

    path: str

    def __init__(
        self,
        *,
        name: str,
        port: int,
        observed: Observed,
        rng: random.Random,
        longest_pause: float = 20.0,
        seen_every: float = 1.0,
    ) -> None:
        super().__init__(name=name, port=port, observed=observed, rng=rng)
        self.logs: dict[str, StreamLog] = {}
        self.outbox: dict[str, Draft] = {}
        self.acks: dict[str, Ack] = {}
        self.written: list[str] = []
        self.on_shown: Callable[[str, dict[str, Any]], None] = lambda stream, event: None
        self.on_ack: Callable[[Draft, Ack], None] = lambda draft, ack: None
        self._socket_url = f"ws://127.0.0.1:{port}"
        self._backoff = Backoff(rng, first=0.5, longest=longest_pause)
        self._seen_every = seen_every
        self._socket: ClientConnection | None = None
        self.has_arrived = asyncio.Event()
        self._lost_at: float | None = None
        self._awaited: set[str] = set()
        self._in_flight: asyncio.Future[float] | None = None
        self._in_flight_id = ""
        self._wake = asyncio.Event()
        self._seen: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # What visitors and agents differ in.

    async def enter(self) -> dict[str, Any]:
        """Get what lets the next socket in: the members of its hello."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        return {}

    # What a person does.

    def write(self, text: str, *, stream: str | None, client_message_id: str | None = None) -> str:
        """Put a message into the outbox; it is sent as soon and as often as needed."""
        draft = Draft(
            client_message_id=client_message_id or uuid4().hex,
            text=text,
            stream=stream,
            written_at=time.monotonic(),
        )
        self.outbox[draft.client_message_id] = draft
        self.written.append(draft.client_message_id)
        self._wake.set()
        return draft.client_message_id

    async def follow(self, stream: str, epoch: str) -> None:
        """Show a stream from its beginning, and from here on live."""
        log = self._log(stream, epoch)
        await self._pull(log)

    @property
    def is_online(self) -> bool:
        return self._socket is not None

    def is_shown_up_to(self, last_seqs: dict[str, int]) -> bool:
        return all(log.seq >= last_seqs.get(stream, 0) for stream, log in self.logs.items())

    # The connection.

    async def run(self) -> None:
        sender = asyncio.create_task(self._send_outbox())
        reader = asyncio.create_task(self._tell_seen())
        try:
            while True:
                began = time.monotonic()
                was_welcomed = await self._live_once()
                if was_welcomed and time.monotonic() - began > STEADY_SECONDS:
                    self._backoff.attempts = 0
                await asyncio.sleep(self._backoff.next())
        finally:
            tasks = {sender, reader, *self._tasks}
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self.http.aclose()
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def _live_once(self) -> bool:
        """Connect, live until the connection ends; tell whether it was welcomed."""
        was_welcomed = False
        socket: ClientConnection | None = None
        try:
            hello = await self.enter()
            socket = await websockets.connect(
                self._socket_url + self.path,
                origin=Origin(self._origin),
                additional_headers=self.headers(),
                proxy=None,
                compression=None,
                ping_interval=None,
                open_timeout=WELCOME_SECONDS,
                close_timeout=2,
                max_size=4 * 1024 * 1024,
            )
            resume = [
                {"stream": log.stream, "epoch": log.epoch, "seq": log.seq}
                for log in self.logs.values()
            ]
            await socket.send(
                json.dumps({"type": "hello", "protocol": 1, "resume": resume, **hello})
            )
            self._awaited = set(self.logs)
            async with asyncio.timeout(WELCOME_SECONDS):
                welcome = self._read(await socket.recv())
            if welcome.get("type") != "welcome":
                # A refusal; the close code follows.
                with suppress(TimeoutError):
                    async with asyncio.timeout(WELCOME_SECONDS):
                        await socket.recv()
                return False
            was_welcomed = True
            self._socket = socket
            self.has_arrived.set()
            self._wake.set()
            self._note_recovery()
            silence = welcome["heartbeat_seconds"] * HEARTBEATS_MISSED
            while True:
                async with asyncio.timeout(silence):
                    text = await socket.recv()
                await self._take(self._read(text))
        except (OSError, TimeoutError, websockets.WebSocketException, Unreachable):
            return was_welcomed
        finally:
            if self._socket is not None:
                self._lost_at = self._lost_at or time.monotonic()
            self._socket = None
            if self._in_flight is not None and not self._in_flight.done():
                self._in_flight.set_result(0.0)
            if socket is not None:
                await self._let_go(socket)

    async def _let_go(self, socket: ClientConnection) -> None:
        with suppress(OSError, websockets.WebSocketException):
            await socket.close()
        code = socket.close_code or 1006
        self._observed.closes[code] += 1
        if code not in EXPECTED_CLOSES:
            self._observed.violation(f"{self.name}: closed with {code} {socket.close_reason}")

    def _note_recovery(self) -> None:
        if self._lost_at is not None and not self._awaited:
            self._observed.recoveries.append(time.monotonic() - self._lost_at)
            self._lost_at = None

    # Frames.

    def _read(self, text: str | bytes) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(text)
        kind = frame.get("type", "")
        if kind not in FRAMES_OUT:
            self._observed.violation(f"{self.name}: unknown frame {str(text)[:200]}")
            return {"type": "unknown"}
        known = {name.rstrip("?") for name in FRAMES_OUT[kind]} | {"type"}
        needed = {name for name in FRAMES_OUT[kind] if not name.endswith("?")}
        if not needed <= set(frame) <= known:
            self._observed.violation(f"{self.name}: wrong members in {str(text)[:200]}")
        return frame

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "event":
                await self._show(frame["stream"], [frame])
            case "stream.resumed":
                await self._on_resumed(frame)
            case "message.ack":
                self._on_ack(frame)
            case "refused":
                self._on_refused(frame)
            case "heartbeat":
                for stream, top in frame["last_seqs"].items():
                    log = self.logs.get(stream)
                    if log is not None and top > log.seq:
                        await self._pull(log)
                missing = set(self.logs) - set(frame["last_seqs"])
                for stream in missing:
                    # The server does not follow it for us, say after a refused resume.
                    await self._pull(self.logs[stream])

    async def _show(self, stream: str, events: list[dict[str, Any]]) -> None:
        log = self.logs.get(stream)
        if log is None:
            if not self._adopts(stream):
                return
            log = self._log(stream, "")
        before = log.duplicates
        for event in log.take(events):
            self.on_shown(stream, event)
        self._observed.duplicates += log.duplicates - before
        if log.waiting:
            await self._pull(log)

    def _adopts(self, stream: str) -> bool:
        return False

    async def _on_resumed(self, frame: dict[str, Any]) -> None:
        log = self._log(frame["stream"], frame["epoch"])
        if not frame["recovered"]:
            self._spawn(self._load_snapshot(log, frame["epoch"]))
            return
        if log.epoch != frame["epoch"]:
            log.start_over(frame["epoch"])
        await self._show(frame["stream"], frame["events"])
        self._awaited.discard(frame["stream"])
        self._note_recovery()

    async def _load_snapshot(self, log: StreamLog, epoch: str) -> None:
        self._observed.snapshots += 1
        if log.epoch != epoch:
            log.start_over(epoch)
        with suppress(Unreachable):
            while True:
                response = await self.call(
                    "GET",
                    f"/api/v1/streams/{log.stream}/events",
                    params={"after": log.seq, "limit": 200},
                    headers=self.headers(),
                )
                page = response.json()
                await self._show(log.stream, page["events"])
                if page["to"] >= page["last_seq"]:
                    break
            self._awaited.discard(log.stream)
            await self._pull(log)

    def _on_ack(self, frame: dict[str, Any]) -> None:
        identifier = frame["client_message_id"]
        draft = self.outbox.pop(identifier, None)
        if stream := frame.get("stream"):
            self._log(stream, frame["epoch"])
        if draft is not None:
            ack = Ack(frame["message_id"], frame["seq"], stream or draft.stream or "")
            self.acks[identifier] = ack
            self.on_ack(draft, ack)
        elif (known := self.acks.get(identifier)) and (
            (known.message_id, known.seq) != (frame["message_id"], frame["seq"])
        ):
            self._observed.violation(f"{self.name}: two different acks of {identifier}")
        self._settle(identifier, 0.0)

    def _on_refused(self, frame: dict[str, Any]) -> None:
        code = frame["code"]
        self._observed.refusals[code] += 1
        if code == "ticket_invalid":
            return
        if code not in TRANSIENT:
            self._observed.violation(f"{self.name}: refused {frame}")
        wait = float(frame.get("retry_after") or 1.0)
        if identifier := frame.get("client_message_id"):
            self._settle(identifier, wait)
        elif stream := frame.get("stream"):
            self._spawn(self._pull_later(stream, wait))

    def _settle(self, identifier: str, pause: float) -> None:
        if (
            self._in_flight is not None
            and self._in_flight_id == identifier
            and not self._in_flight.done()
        ):
            self._in_flight.set_result(pause)

    async def _pull_later(self, stream: str, wait: float) -> None:
        await asyncio.sleep(wait)
        if log := self.logs.get(stream):
            await self._pull(log)

    async def _pull(self, log: StreamLog) -> None:
        self._observed.pulls += 1
        await self._send({"type": "stream.pull", "stream": log.stream, "after": log.seq})

    async def _send(self, frame: dict[str, Any]) -> bool:
        socket = self._socket
        if socket is None:
            return False
        try:
            await socket.send(json.dumps(frame))
        except (OSError, websockets.WebSocketException):
            return False
        return True

    def _log(self, stream: str, epoch: str) -> StreamLog:
        log = self.logs.setdefault(stream, StreamLog(stream, epoch))
        log.epoch = log.epoch or epoch
        return log

    def _target(self) -> str | None:
        return None

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The outbox: one at a time, which keeps the order in which they were written.

    async def _send_outbox(self) -> None:
        while True:
            self._wake.clear()
            if not self.outbox or self._socket is None:
                await self._wake.wait()
                continue
            draft = next(iter(self.outbox.values()))
            if draft.was_sent:
                self._observed.resends += 1
            else:
                draft.stream = draft.stream or self._target()
                draft.was_sent = True
            self._in_flight = asyncio.get_running_loop().create_future()
            self._in_flight_id = draft.client_message_id
            sent = await self._send(
                {
                    "type": "message.post",
                    "stream": draft.stream,
                    "client_message_id": draft.client_message_id,
                    "content": {"type": "text", "text": draft.text},
                }
            )
            if not sent:
                await asyncio.sleep(0.05)
                continue
            try:
                async with asyncio.timeout(ACK_SECONDS):
                    pause = await self._in_flight
            except TimeoutError:
                continue
            if pause:
                await asyncio.sleep(pause)

    async def _tell_seen(self) -> None:
        while True:
            await asyncio.sleep(self._seen_every)
            for stream, log in list(self.logs.items()):
                if (
                    log.seq > self._seen.get(stream, 0)
                    and stream not in self._awaited
                    and await self._send({"type": "stream.seen", "stream": stream, "seq": log.seq})
                ):
                    self._seen[stream] = log.seq
