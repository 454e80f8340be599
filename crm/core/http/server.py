"""Daphne with bounded buffers and a graceful shutdown for long-lived sockets.

Daphne buffers without limit for a client that does not read, reads without limit from one that does
not stop, and closes sockets without a close frame at SIGTERM.
"""

import asyncio
import logging
import random
import signal
import time
from asyncio import Queue
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from daphne.server import Server as Daphne
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import defer
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from crm.core import memo, shutdown
from crm.core.http.daphne_request import BoundedRequest, channel_protocol
from crm.core.http.forwarded import forwarded_address, forwarded_proto
from crm.core.http.unbelieved_proxy import UnbelievedProxyWatch
from crm.core.shutdown import is_draining
from crm.core.token_bucket import TokenBucket

__all__ = ["Server", "WriteBuffer", "is_draining"]

logger = logging.getLogger(__name__)

# Frames of one client that may wait for their consumer before its socket is no longer read.
UNREAD_FRAMES = 200
# What a client may be sent after it stopped reading is thrown away this long after the close frame.
CLOSE_SECONDS = 10
GRACE_SECONDS = 5.0
# Frames of one client that are no message with content: pings, pongs, parts. Messages wait for
# their consumer, which refuses too many; these would only keep the loop busy.
FRAME_BURST, FRAMES_PER_SECOND = 100.0, 20.0
# Messages of a client after it was sent a close frame, which are thrown away.
LATE_MESSAGES = 20_000
# Larger frames are refused by the consumer, which can say which one it was; far larger ones here.
FRAME_TOLERANCE = 4
# Longer texts are answers to one client: only shorter ones are kept, for the next socket.
SHARED_LENGTH = 8192


@implementer(IPushProducer)
class WriteBuffer:
    """The state of the write buffer towards a client; in the consumer's scope as ``outlet``.

    ``is_open`` becomes false when more is buffered than the transport's high-water mark, and true
    when everything is written; then ``on_open`` is called.
    """

    def __init__(self) -> None:
        self.is_open = True
        self.on_open: Callable[[], None] | None = None

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        self.is_open = False

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        self.is_open = True
        if self.on_open is not None:
            self.on_open()

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        self.is_open = False
        self.on_open = None


class SocketProtocol(WebSocketProtocol):
    """One WebSocket with backpressure in both directions."""

    application_queue: "Queue[dict[str, Any]]"

    def onConnect(self, request: Any) -> Any:  # noqa: N802  Autobahn's name
        self.outlet = WriteBuffer()
        self._holds_back = False
        self._frames = TokenBucket(FRAME_BURST, FRAMES_PER_SECOND)
        self._late = 0
        return super().onConnect(request)

    def onFrameBegin(self) -> None:  # noqa: N802  Autobahn's name
        super().onFrameBegin()
        frame = self.current_frame
        if frame.opcode in {1, 2} and frame.length > 0:
            # To cut at the first one after our close frame would take that from the client as well.
            self._late += self.state != self.STATE_OPEN
            is_too_much = self._late > LATE_MESSAGES
        else:
            is_too_much = self._frames.take(time.monotonic()) > 0
        if is_too_much:
            self.dropConnection(abort=True)

    def onOpen(self) -> None:  # noqa: N802  Autobahn's name
        super().onOpen()
        # The HTTP channel that upgraded the connection is still registered.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.outlet, True)  # noqa: FBT003  Twisted's signature

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: FBT001, N802, N803  Autobahn's
        if self.state != self.STATE_OPEN:
            return
        super().onMessage(payload, isBinary)
        if not self._holds_back and self.application_queue.qsize() > UNREAD_FRAMES:
            self._holds_back = True
            self.transport.pauseProducing()
            asyncio.get_running_loop().call_later(0.05, self._read_on)

    def _read_on(self) -> None:
        if self.state != self.STATE_OPEN or self.application_queue.qsize() <= UNREAD_FRAMES // 2:
            self._holds_back = False
            self.transport.resumeProducing()
        else:
            asyncio.get_running_loop().call_later(0.05, self._read_on)

    def serverSend(self, content: Any, binary: bool = False) -> None:  # noqa: FBT001, FBT002, N802  Daphne's
        """Send text as one frame, whose bytes are shared by all sockets that send the same text."""
        if binary or self.state != self.STATE_OPEN or self._perMessageCompress or self.send_queue:
            super().serverSend(content, binary)
        else:
            frame = _shared_frame if len(content) <= SHARED_LENGTH else _text_frame
            self.transport.write(frame(content))

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  Daphne's name
        # A paused producer would keep Twisted from closing once the last byte is written.
        self.transport.unregisterProducer()
        # sendClose refuses every code below 3000 but 1000, although a server may send 1012.
        self.sendCloseFrame(code=code or 1000, isReply=False)

    def sendMessage(self, *args: Any, **options: Any) -> None:  # noqa: N802  Autobahn's name
        """Send without the size limit for clients: a replayed stream may be long."""
        if self.state != self.STATE_OPEN:
            # The client has gone, and its consumer has not heard of it yet.
            return
        limit: int = self.factory.maxMessagePayloadSize
        self.maxMessagePayloadSize = 0
        try:
            super().sendMessage(*args, **options)
        finally:
            self.maxMessagePayloadSize = limit


def _text_frame(text: str) -> bytes:
    """Return a text as an unmasked WebSocket frame: RFC 6455, section 5.2."""
    payload = text.encode()
    size = len(payload)
    if size <= 125:
        return bytes((0x81, size)) + payload
    if size <= 0xFFFF:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


_shared_frame = lru_cache(maxsize=64)(_text_frame)


class Server(Daphne):
    """``run()`` serves until SIGTERM or SIGINT, closes all sockets gracefully, and returns.

    A second signal stops it at once. ``failure`` is the error that prevented listening, else None.
    ``proxies`` is the number of trusted proxies in front: 0 ignores ``X-Forwarded-*``.
    """

    def __init__(self, application: Any, *, proxies: int = 0, **options: Any) -> None:
        self.failure: str | None = None
        self.proxies = proxies
        self._unbelieved = UnbelievedProxyWatch()
        frame = settings.CHAT_MAX_FRAME_BYTES * FRAME_TOLERANCE
        super().__init__(
            application,
            signal_handlers=False,
            ready_callable=self._prepare,
            ping_interval=20,
            ping_timeout=30,
            websocket_timeout=14_400,
            websocket_handshake_timeout=10,
            websocket_max_message_size=frame,
            websocket_max_frame_size=frame,
            server_name="nextflow",
            **options,
        )

    def _prepare(self) -> None:
        self.http_factory.protocol = channel_protocol
        build = self.http_factory.buildProtocol

        def build_bounded(address: Any) -> Any:
            protocol = build(address)
            protocol.requestFactory = BoundedRequest
            return protocol

        self.http_factory.buildProtocol = build_bounded
        self.ws_factory.protocol = SocketProtocol
        # Who may open a socket is for the consumers to say: they answer with a code.
        self.ws_factory.setProtocolOptions(
            closeHandshakeTimeout=CLOSE_SECONDS, allowNullOrigin=True
        )
        loop = asyncio.get_event_loop()
        self._listening = loop.create_task(memo.listen())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, SocketProtocol):
            scope["outlet"] = protocol.outlet
            scope["scheme"] = "ws"
        self.see_client(scope)
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a part of a response, and wait until the client takes more. Raise
        ConnectionAbortedError where it has gone.
        """
        await super().handle_reply(protocol, message)
        if message.get("more_body") and isinstance(protocol, BoundedRequest):
            await protocol.written()

    def see_client(self, scope: dict[str, Any]) -> None:
        """Replace client and scheme by the values of the trusted proxies, if there are any."""
        if not self.proxies:
            peer = scope.get("client") or ("",)
            self._unbelieved.see(str(peer[0]), scope["headers"])
            return
        if address := forwarded_address(scope["headers"], proxies=self.proxies):
            scope["client"] = [address, 0]
        if proto := forwarded_proto(scope["headers"]):
            is_socket = scope["type"] == "websocket"
            scope["scheme"] = proto.replace("http", "ws") if is_socket else proto

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()

    def kill_all_applications(self) -> Any:
        """Cancel running applications; Daphne's own version fails for connections without one."""
        running = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details and not details["application_instance"].done()
        ]
        for application in running:
            application.cancel()
        return defer.Deferred.fromFuture(
            asyncio.ensure_future(asyncio.gather(*running, return_exceptions=True))
            if running
            else _done()
        )

    def _on_signal(self) -> None:
        if shutdown.is_draining():
            self.stop()
            return
        shutdown.begin()
        self._farewell = asyncio.ensure_future(self._say_goodbye())

    async def _say_goodbye(self) -> None:
        """Close the sockets, spread over time so that clients do not reconnect simultaneously."""
        sockets = [each for each in self.connections if isinstance(each, SocketProtocol)]
        random.shuffle(sockets)
        spread = min(settings.CHAT_DRAIN_SECONDS, len(sockets) / settings.CHAT_CLOSED_PER_SECOND)
        logger.info(
            "Told to go: closing the sockets, then leaving.",
            extra={"metadata": {"sockets": len(sockets), "spread_seconds": spread}},
        )
        for number, socket in enumerate(sockets):
            if number and number % 10 == 0:
                await asyncio.sleep(spread * 10 / len(sockets))
            if hasattr(socket, "application_queue"):
                socket.application_queue.put_nowait({"type": "socket.drain"})
        await self._await_quiet()
        self._listening.cancel()
        self.stop()

    async def _await_quiet(self) -> None:
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if all(details.get("disconnected") for details in self.connections.values()):
                return
            await asyncio.sleep(0.05)


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_event_loop().create_future()
    future.set_result(None)
    return future
