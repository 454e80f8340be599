"""The base consumer of visitors' and agents' sockets."""

import asyncio
import logging
import uuid
from typing import Any, ClassVar

from channels.exceptions import StopConsumer
from django.conf import settings
from django.utils import translation
from redis.exceptions import RedisError

from chat.consumers.connection import SocketConnection
from chat.consumers.heartbeat import HeartbeatState, heartbeat
from chat.consumers.inbound_queue import InboundQueue
from chat.consumers.outbound_queue import OutboundQueue
from chat.consumers.receipts_and_typing import SeenPositions, TypingSigns
from chat.consumers.subscriptions import Subscriptions
from chat.errors import (
    HelloExpected,
    InvalidJson,
    OriginForbidden,
    ProtocolError,
    TicketInvalid,
    UnknownFrame,
    UnknownProtocol,
)
from chat.frames import (
    Away,
    CloseCode,
    Frame,
    Hello,
    Post,
    Pull,
    Request,
    Seen,
    Typing,
    check_size,
    encode,
    parse_frame,
    refused_frame,
)
from chat.limits import ERROR_BURST, ERRORS_PER_SECOND
from chat.participants import Viewer
from chat.presence import Presence
from crm.authentication.errors import AccessEnded
from crm.core import tenancy
from crm.core.channel_layer import SharedMessage
from crm.core.errors import AppError
from crm.core.executor import run_sync
from crm.core.form_guard.errors import OrganizationSwitched
from crm.core.observability import metrics
from crm.core.observability.logging import bind_correlation_id, log_work
from crm.core.permissions.errors import SecondFactorMissing
from crm.core.shutdown import is_draining
from crm.core.store_errors import outage_refusals
from crm.core.token_bucket import TokenBucket

logger = logging.getLogger(__name__)
HELLO_SECONDS = 10.0


class StreamConsumer(SocketConnection):
    """One socket. Frames are handled sequentially, concurrently with the events of the layer."""

    kind: ClassVar[str]
    # What a client without a valid hello is closed with.
    silent_code: ClassVar[CloseCode]

    streams: Subscriptions
    seen: SeenPositions
    typing: TypingSigns

    def __init__(self) -> None:
        super().__init__()
        self.session = uuid.uuid4().hex
        self._said_hello = False
        self._is_draining = False
        self.incoming = InboundQueue(
            handle=self._handle,
            refuse=self.refuse,
            close=self.close_with,
            on_idle=self._on_idle,
            start=self._start,
        )
        self._errors = TokenBucket(ERROR_BURST, ERRORS_PER_SECOND)
        self._joined: list[str] = []

    # To be implemented by each kind.

    async def identify(self, hello: Hello) -> Viewer:
        """Authenticate the socket; raise an AppError if that fails."""
        raise NotImplementedError

    def group_names(self) -> tuple[str, ...]:
        """Return the channel layer groups of this socket for the identified viewer."""
        raise NotImplementedError

    async def on_welcome(self) -> None:
        """Send the initial state."""
        raise NotImplementedError

    async def on_leave(self) -> None:
        """Undo the side effects of on_welcome outside of the socket."""

    async def on_look(self, stream: str) -> None:
        """Record the stream that the client currently displays."""

    # The connection.

    async def connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.out = OutboundQueue(self._send_text, self.scope.get("outlet"), self._on_stuck)
        self._hello_timer = self._loop.call_later(HELLO_SECONDS, self._on_silence)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._is_closing:
            return
        try:
            if text_data is None:
                raise InvalidJson
            check_size(text_data)
            frame = parse_frame(text_data)
            if isinstance(frame, Hello) == self._said_hello:
                raise HelloExpected
            self._said_hello = True
            self._hello_timer.cancel()
        except UnknownProtocol as refusal:
            await self._reject(refusal, CloseCode.PROTOCOL)
        except ProtocolError as refusal:
            await self._refuse_error(refusal)
        else:
            await self.incoming.put(frame)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        await self._clean_up(int(message.get("code") or 1005))
        raise StopConsumer

    async def refuse(self, refusal: AppError) -> None:
        language = self.viewer_language()
        with translation.override(language):
            frame = refused_frame(refusal)
        await self.send_frame(frame)

    def viewer_language(self) -> str:
        return settings.LANGUAGE_CODE

    def stop_queues(self) -> None:
        self.incoming.stop()
        if self.is_welcome:
            self.seen.stop()
        super().stop_queues()

    # Handling of one frame.

    async def _refuse_error(self, refusal: ProtocolError) -> None:
        await self.refuse(refusal)
        if not self.is_welcome or self._errors.take(self._loop.time()) > 0:
            await self.close_with(CloseCode.PROTOCOL)

    async def _on_idle(self) -> None:
        if self._is_draining:
            await self.close_with(CloseCode.RESTART)

    async def _handle(self, frame: Frame) -> None:
        user_id = self.viewer.log_name if self.is_welcome else None
        with bind_correlation_id(user_id=user_id):
            if isinstance(frame, Hello):
                await self._on_hello(frame)
            else:
                await self._answer(frame)
        await self.out.drained()

    async def _answer(self, frame: Request) -> None:
        try:
            with outage_refusals():
                await self._act(frame)
        except AccessEnded as refusal:
            await self._reject(refusal, CloseCode.FORBIDDEN)
        except AppError as refusal:
            if isinstance(frame, Post):
                refusal.extra["client_message_id"] = frame.client_message_id
            if frame.stream:
                refusal.extra["stream"] = frame.stream
            await self.refuse(refusal)

    async def _act(self, frame: Request) -> None:
        match frame:
            case Post():
                await self._on_post(frame)
            case Pull():
                await self._on_pull(frame)
            case Seen():
                await self.seen.take(frame)
            case Typing():
                await self.typing.take(frame)
            case Away():
                await self.on_away(is_away=frame.is_away)

    async def _on_hello(self, hello: Hello) -> None:
        if is_draining():
            await self.close_with(CloseCode.RESTART)
            return
        try:
            with outage_refusals():
                self.viewer = await self.identify(hello)
        except TicketInvalid as refusal:
            await self._reject(refusal, CloseCode.TICKET)
            return
        except (
            AccessEnded,
            OrganizationSwitched,
            OriginForbidden,
            SecondFactorMissing,
        ) as refusal:
            await self._reject(refusal, CloseCode.FORBIDDEN)
            return
        except AppError as refusal:
            # A store is away: the client asks for a new ticket and comes back.
            await self._reject(refusal, CloseCode.RESTART)
            return
        self.streams = Subscriptions(
            viewer=self.viewer,
            layer=self.channel_layer,
            channel=self.channel_name,
            send=self.send_frame,
            send_encoded=self.send_encoded,
        )
        self.seen = SeenPositions(
            self.streams, refuse=self.refuse, on_look=self.on_look, start=self._start
        )
        self.typing = TypingSigns(self.streams, origin=self.session, broadcast=self.broadcast)
        # Before the welcome: whoever was welcomed misses nothing that is announced from then on.
        await self._join_groups()
        self.is_welcome = True
        tenancy.enter(self.viewer.organization_id)
        metrics.ws_connects_total.labels(kind=self.kind, result="accepted").inc()
        metrics.ws_connections.labels(kind=self.kind).inc()
        await self.send_frame(
            {
                "type": "welcome",
                "session": self.session,
                "heartbeat_seconds": settings.CHAT_HEARTBEAT_SECONDS,
                "max_frame_bytes": settings.CHAT_MAX_FRAME_BYTES,
            }
        )
        heartbeat().add(self)
        for position in hello.resume:
            await self._resume(position.stream, after=position.seq, epoch=position.epoch)
            await self.out.drained()
        await self.on_welcome()

    async def _join_groups(self) -> None:
        self._joined += self.group_names()
        joining = (self.channel_layer.group_add(each, self.channel_name) for each in self._joined)
        await asyncio.gather(*joining)

    async def _resume(self, stream: str, *, after: int, epoch: str) -> None:
        try:
            stretch = await self.streams.follow(stream, after=after, epoch=epoch)
        except AppError as refusal:
            refusal.extra["stream"] = stream
            await self.refuse(refusal)
            return
        metrics.ws_resume_total.labels(
            recovered=str(stretch.recovered).lower(), reason=stretch.reason
        ).inc()

    async def _on_post(self, frame: Post) -> None:
        with (
            metrics.message_accept_seconds.labels(transport="socket").time(),
            log_work(logger, "A message came by socket.", action="message_processed"),
        ):
            posted = await run_sync(
                self.viewer.post,
                stream=frame.stream,
                client_message_id=frame.client_message_id,
                content=frame.content,
            )
        message = posted.message
        ack: dict[str, Any] = {
            "type": "message.ack",
            "client_message_id": frame.client_message_id,
            "message_id": str(message.message_id),
            "seq": message.seq,
            "timestamp": message.timestamp.isoformat(),
        }
        if frame.stream is None:
            ack |= {"stream": message.stream, "epoch": posted.epoch}
        await self.send_frame(ack)
        await self.streams.join(
            message.stream, after=0 if frame.stream is None else message.seq - 1
        )

    async def _on_pull(self, frame: Pull) -> None:
        before = frame.stream in self.streams
        stretch = await self.streams.follow(frame.stream, after=frame.after)
        if before and stretch.events:
            metrics.ws_gap_heals_total.labels(by="pull").inc()
        await self.on_look(frame.stream)

    async def broadcast(self, group: str, message: dict[str, Any]) -> None:
        """Send an ephemeral state to a group; an unavailable Redis is logged and ignored."""
        try:
            await self.channel_layer.group_send(group, message)
        except (RedisError, OSError):
            logger.debug("A state was not told: Redis does not answer.")

    # The heartbeat.

    async def beat(self, facts: HeartbeatState) -> None:
        last_seqs: dict[str, int] = {}
        for stream, conversation_id in self.streams.conversation_ids.items():
            if (top := facts.last_seqs.get(conversation_id)) is not None:
                last_seqs[stream] = top
                await self.streams.take_top(stream, top)
        members = self.heartbeat_members(facts)
        await self.send_frame({"type": "heartbeat", "last_seqs": last_seqs, **members})
        await self.on_facts(facts)

    def start_beat(self, facts: HeartbeatState) -> None:
        if self.is_welcome and not self._is_closing:
            self._start(self.beat(facts))

    def signs_of_life(self) -> list[Presence]:
        return []

    async def on_away(self, *, is_away: bool) -> None:
        """Raise UnknownFrame where nobody counts as online."""
        raise UnknownFrame

    def heartbeat_members(self, facts: HeartbeatState) -> dict[str, Any]:
        return {}

    async def on_facts(self, facts: HeartbeatState) -> None:
        """Send the changes that the heartbeat found."""

    # Events of the channel layer.

    async def stream_hint(self, message: SharedMessage) -> None:
        if self.is_welcome:
            audience = self.viewer.audience.value
            text = message.once(audience, lambda: encode(message["frames"][audience]))
            await self.streams.take_hint(message["stream"], message["seq"], text)

    async def stream_receipts(self, message: dict[str, Any]) -> None:
        await self._forward(message, "receipts")

    async def stream_typing(self, message: dict[str, Any]) -> None:
        if message.get("origin") != self.session:
            await self._forward(message, "typing", without=("origin",))

    async def _forward(
        self, message: dict[str, Any], name: str, without: tuple[str, ...] = ()
    ) -> None:
        if self.is_welcome and message["stream"] in self.streams:
            frame = {key: value for key, value in message.items() if key not in without}
            await self.send_frame(frame | {"type": name})

    async def layer_reconnected(self, message: dict[str, Any]) -> None:
        if self.is_welcome:
            await self.streams.read_again()

    async def socket_kick(self, message: dict[str, Any]) -> None:
        """Close the socket if the ended access is this viewer's."""
        if self.viewer.is_meant(message):
            await self._reject(AccessEnded(), CloseCode.FORBIDDEN)

    async def socket_recheck(self, message: dict[str, Any]) -> None:
        """Reload the permissions, which may have changed."""

    async def socket_drain(self, message: dict[str, Any]) -> None:
        """Finish what was received, then close the socket: the process shuts down."""
        self._is_draining = True
        if self.incoming.is_idle:
            await self.close_with(CloseCode.RESTART)

    # The end.

    async def _reject(self, refusal: AppError, code: CloseCode) -> None:
        if not self.is_welcome:
            metrics.ws_connects_total.labels(kind=self.kind, result=refusal.code).inc()
        await self.refuse(refusal)
        await self.close_with(code)

    def _on_silence(self) -> None:
        refusal = HelloExpected() if self.silent_code == CloseCode.PROTOCOL else TicketInvalid()
        self._start(self._reject(refusal, self.silent_code))

    async def _clean_up(self, code: int) -> None:
        self._is_closing = True
        self.incoming.stop()
        # What still runs would join groups that nobody leaves any more.
        for task in self._tasks:
            task.cancel()
        self._hello_timer.cancel()
        self.out.stop()
        metrics.ws_close_total.labels(kind=self.kind, code=str(code)).inc()
        for group in self._joined:
            await self.channel_layer.group_discard(group, self.channel_name)
        if self.is_welcome:
            self.is_welcome = False
            metrics.ws_connections.labels(kind=self.kind).dec()
            self.seen.stop()
            heartbeat().discard(self)
            await self.streams.leave_all()
            await self.on_leave()
