"""HTTP server of the collections: one thread per connection, JSON in Qdrant's envelope."""

import json
import logging
import secrets
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from config.engines.qdrant.refusals import Refused, bad_request
from config.engines.qdrant.routes import Plain, Request, Router, is_health_check

MAX_BODY = 64 * 1024 * 1024  # bytes; Qdrant's own default is 32 MiB
_logger = logging.getLogger("qdrant")


class Server(ThreadingHTTPServer):
    """HTTP server on loopback; all requests except health checks require the API key."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, router: Router, *, api_key: str) -> None:
        self.router = router
        self._api_key = api_key.encode()
        super().__init__(("127.0.0.1", port), Handler)

    def is_key(self, given: str) -> bool:
        return bool(self._api_key) and secrets.compare_digest(given.encode(), self._api_key)


class Handler(BaseHTTPRequestHandler):
    """Handles successive requests of a connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    # The answer leaves in one piece instead of waiting for the acknowledgement of its head.
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Log nothing: payloads contain personal data, and a line per request fills the disk."""

    def _answer(self) -> None:
        began = time.perf_counter()
        status, content_type, body = 200, "application/json", b""
        try:
            request = self._request()
            if not (is_health_check(request) or self._has_key()):
                raise Refused(401, "Must provide an API key or an Authorization bearer token")
            answer = self.server.router.answer(request)
            if isinstance(answer, Plain) and isinstance(answer.content, str):
                content_type, body = "text/plain", answer.content.encode()
            elif isinstance(answer, Plain):
                body = json.dumps(answer.content).encode()
            else:
                body = self._envelope({"result": answer, "status": "ok"}, began)
        except Refused as refusal:
            status = refusal.status
            body = self._envelope({"status": {"error": refusal.message}}, began)
        except Exception:  # the outermost loop of this process's work
            _logger.exception("%s failed", self.command)
            status = 500
            error = "Service internal error: the cause is in the log of the embedded Qdrant."
            body = self._envelope({"status": {"error": error}}, began)
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class asks

    def _has_key(self) -> bool:
        scheme, _space, token = self.headers.get("Authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
        return self.server.is_key(self.headers.get("api-key") or given)

    def _request(self) -> Request:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise bad_request("a body must come with its Content-Length.")
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            self.close_connection = True
            raise bad_request("Content-Length is not a number.") from None
        if not 0 <= length <= MAX_BODY:
            # What follows on the connection is the body that nobody read.
            self.close_connection = True
            raise Refused(413, f"Payload too large: {length} bytes, at most {MAX_BODY} are taken.")
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw, parse_constant=_refuse_constant) if raw else None
        except (ValueError, RecursionError):
            raise bad_request("the body is not valid JSON.") from None
        target = urlsplit(self.path)
        return Request(
            method=self.command,
            path=tuple(unquote(part) for part in target.path.split("/") if part),
            query={key: values[-1] for key, values in parse_qs(target.query).items()},
            body=body,
        )

    @staticmethod
    def _envelope(content: dict[str, Any], began: float) -> bytes:
        return json.dumps({**content, "time": time.perf_counter() - began}).encode()


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
