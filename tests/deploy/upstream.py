"""What stands behind the proxy in its tests: it tells each request it got, and echoes sockets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve


def _answer(connection: ServerConnection, request: Request) -> Response | None:
    if request.headers.get("Upgrade"):
        return None
    told = {"path": request.path, "headers": [list(pair) for pair in request.headers.raw_items()]}
    body = json.dumps(told).encode()
    headers = Headers(Connection="close")
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(body))
    return Response(200, "OK", headers, body)


def _echo(connection: ServerConnection) -> None:
    request = connection.request
    connection.send(json.dumps({"host": request.headers.get("Host") if request else None}))
    for frame in connection:
        connection.send(frame)


@contextmanager
def upstream() -> Iterator[int]:
    """Serve on a free port while the block runs; give the port."""
    server: Server = serve(_echo, "127.0.0.1", 0, process_request=_answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join(timeout=10)
