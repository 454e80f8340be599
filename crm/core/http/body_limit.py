"""The maximum size of request bodies, with and without Content-Length."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

# In the scope of a request whose body was too large and was thrown away; Django then refuses it.
TOO_LARGE = "nextflow.body_too_large"

Scope = dict[str, Any]
Call = Callable[..., Awaitable[Any]]


def bounded(application: Call) -> Call:
    """Wrap an ASGI application: bodies above MAX_BODY_BYTES are discarded before it is called.

    A chunked body gets a Content-Length: without one, it would be taken for empty.
    """

    async def answer(scope: Scope, receive: Call, send: Call) -> None:
        length = _content_length(scope)
        if length is not None and length <= settings.MAX_BODY_BYTES:
            await application(scope, receive, send)
            return
        body = await _read(receive, keep=length is None)
        if body is None:
            # The client is gone.
            return
        headers = [header for header in scope["headers"] if header[0] != b"content-length"]
        if length is not None or len(body) > settings.MAX_BODY_BYTES:
            scope = {**scope, TOO_LARGE: True}
            body = b""
        elif body:
            headers.append((b"content-length", str(len(body)).encode()))
        await application({**scope, "headers": headers}, _replay(body, receive), send)

    return answer


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            # Whatever is no number was refused by the server already.
            return int(value) if value.isdigit() else None
    return None


async def _read(receive: Call, *, keep: bool) -> bytes | None:
    """Read the request body to its end; keep at most what proves that it is too large.

    Return None if the client disconnects.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if keep and len(body) <= settings.MAX_BODY_BYTES:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Call) -> Call:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return waiting.pop() if waiting else await receive()

    return replayed
