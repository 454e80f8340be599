"""Daphne's requests, with a bound on what they store and words for what never reaches Django."""

import json
from typing import Any

from daphne.http_protocol import WebRequest
from django.conf import settings

from config.errors import InternalError

# Whoever sends so many times the limit does not wait for an answer: the connection is cut.
PATIENCE = 32


class BoundedRequest(WebRequest):
    """Daphne writes a whole body to the disk before anybody is asked; here, no more than matters.

    One byte more than MAX_BODY_BYTES is kept, so that `config.bodies` sees that it was too much.
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
        """Hide the type from Twisted: it would read every form once more, and refuse wordless."""
        self._content_types = tuple(self.requestHeaders.getRawHeaders(b"content-type", ()))
        self.requestHeaders.removeHeader(b"content-type")
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        if self._content_types:
            self.requestHeaders.setRawHeaders(b"content-type", self._content_types)
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answer what is no request that Django could be asked: programs alone send such."""
        if status < 500:
            code, title = "bad_request", f"{body}. Correct the request and send it again."
        else:
            code, title = InternalError.code, InternalError.message
        problem = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "code": code,
            "detail": title,
        }
        headers = [(b"Content-Type", b"application/problem+json")]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": json.dumps(problem).encode()})
