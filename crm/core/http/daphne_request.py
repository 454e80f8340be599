"""Daphne's requests, with bounded bodies and error documents for unparsable requests."""

import asyncio
import json
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet.protocol import connectionDone
from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from crm.core.errors import InternalError

# Whoever sends so many times the limit does not wait for an answer: the connection is cut.
PATIENCE = 32


# How long what a refused client still sends is thrown away, so that it reads the answer first.
LINGER_SECONDS = 1.0
# What a client is told that did not get its request through in time.
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def _refusal(status: int, reason: str, code: str, title: str) -> bytes:
    """Return a whole response with a problem document, after which the connection ends."""
    body = _problem(status, code, title)
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _problem(status: int, code: str, title: str) -> bytes:
    problem = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": title,
    }
    return json.dumps(problem).encode()


ADDRESS_TOO_LONG = _refusal(
    414,
    "URI Too Long",
    "address_too_long",
    "The address is too long. Shorten what it searches for, and send it again.",
)
HEADER_TOO_LONG = _refusal(
    431,
    "Request Header Fields Too Large",
    "header_too_long",
    "A header is too long. Shorten it and send the request again.",
)


class DeadlineChannel(HTTPChannel):
    """A connection with deadlines for its requests, however slowly bytes arrive.

    Twisted's timeout restarts with every byte. Here the headers must arrive within
    REQUEST_HEADER_SECONDS of a request's first byte, and the body within REQUEST_BODY_SECONDS after
    them; so must the handshake of a WebSocket. No deadline runs while the response is made; the
    client must have read it within RESPONSE_READ_SECONDS.

    A client that pipelines requests gets the next one answered when it has read what was written
    before; Twisted would go on, and buffer answers without end. So would Daphne within one answer:
    whoever sends it in parts awaits `written` after each.

    Where Twisted would only cut the connection, a line that is too long is answered.
    """

    _deadline: Any = None
    _is_refused = False
    # An answered request, whose answer was not read yet, in front of pipelined ones.
    _unread: Any = None
    _reading: Any = None
    # Of whoever waits until the transport's buffer is written.
    _writing: "asyncio.Future[None] | None" = None

    async def written(self) -> None:
        """Wait until the client has read so much that the transport takes more, or is gone."""
        while self._waitingForTransport and self.transport is not None:
            self._writing = asyncio.get_running_loop().create_future()
            await self._writing

    def _go_on_writing(self) -> None:
        if self._writing is not None and not self._writing.done():
            self._writing.set_result(None)
        self._writing = None

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  Twisted's name
        if self._is_refused:
            return
        if self._deadline is None and not self._handlingRequest:
            self._expect_within(settings.REQUEST_HEADER_SECONDS)
        super().dataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802  Twisted's name
        self._is_refused = True
        self._expect_nothing()
        transport: Any = self.transport
        transport.write(HEADER_TOO_LONG if self.requests else ADDRESS_TOO_LONG)
        self.callLater(LINGER_SECONDS, self.loseConnection)

    def allHeadersReceived(self) -> None:  # noqa: N802  Twisted's name
        self._expect_within(settings.REQUEST_BODY_SECONDS)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:  # noqa: N802  Twisted's name
        self._expect_nothing()
        super().allContentReceived()

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        super().pauseProducing()
        if self._reading is None:
            self._reading = self.callLater(settings.RESPONSE_READ_SECONDS, self._abort)

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        self._stop_reading_timer()
        super().resumeProducing()
        self._go_on_writing()
        if self._unread is not None:
            request, self._unread = self._unread, None
            super().requestDone(request)

    def requestDone(self, request: Any) -> None:  # noqa: N802  Twisted's name
        if self._waitingForTransport and self._dataBuffer and self.persistent:
            self._unread = request
        else:
            super().requestDone(request)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802  Twisted's name
        self._expect_nothing()
        self._stop_reading_timer()
        super().connectionLost(reason)
        self._waitingForTransport = False
        self._go_on_writing()

    def _stop_reading_timer(self) -> None:
        if self._reading is not None and self._reading.active():
            self._reading.cancel()
        self._reading = None

    def _abort(self) -> None:
        self._reading = None
        transport: Any = self.transport
        transport.abortConnection()

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.callLater(seconds, self._give_up)

    def _expect_nothing(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        transport: Any = self.transport
        transport.write(TIMED_OUT)
        self.loseConnection()


def channel_protocol() -> Any:
    """Return the protocol of a new connection, like Twisted's factory."""
    return _GenericHTTPChannelProtocol(DeadlineChannel())


class BoundedRequest(WebRequest):
    """Daphne spools a whole body to disk before the application is called; this bounds it.

    One byte more than MAX_BODY_BYTES is kept, so that `crm.core.http.body_limit` detects the
    excess.
    """

    _received = 0
    _content_types: tuple[bytes, ...] = ()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802  Twisted's name
        before = self._received
        self._received += len(data)
        if self._received > settings.MAX_BODY_BYTES * PATIENCE:
            self.channel.transport.abortConnection()
            return
        if (room := settings.MAX_BODY_BYTES + 1 - before) > 0:
            super().handleContentChunk(data[:room])

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802  the same
        """Hide the content type from Twisted, which would parse forms a second time."""
        self._content_types = tuple(self.requestHeaders.getRawHeaders(b"content-type", ()))
        self.requestHeaders.removeHeader(b"content-type")
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        if self._content_types:
            self.requestHeaders.setRawHeaders(b"content-type", self._content_types)
        return super().process()

    async def written(self) -> None:
        """Wait until the client takes more of the response. Raise
        ConnectionAbortedError where it has gone: nothing more of the response is made.
        """
        channel = self.channel
        if isinstance(channel, DeadlineChannel):
            await channel.written()
        if self.channel is None:
            raise ConnectionAbortedError

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Return a problem document for a request that cannot be parsed as HTTP."""
        if status < 500:
            code, title = "bad_request", f"{body}. Correct the request and send it again."
        else:
            code, title = InternalError.code, InternalError.message
        headers = [(b"Content-Type", b"application/problem+json")]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": _problem(status, code, title)})
