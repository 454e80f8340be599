"""A store that goes away and comes back, seen from one server: a relay in front of it.

The engines of a test run are shared, so a test cuts the line and not the engine.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.patience import PATIENCE

_LOOPBACK = "127.0.0.1"


class Relay:
    """Forwards one port of loopback to a store until it is cut.

    Plain sockets, because they are closed when ``close`` returns: asyncio's transports close in
    later rounds of their loop, and one that is left over fails whichever test runs when the garbage
    is collected.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        # Bound and deaf while the relay is cut: who connects is refused, and nobody else, not even
        # an outgoing connection, is given the port meanwhile.
        self._place = _bound_socket(0)
        self.port: int = self._place.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._listener: socket.socket | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def open(self) -> None:
        self._run(self._open())

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._run(self._cut())

    def freeze(self) -> None:
        """Keep every connection and let nothing through, as a host does that hangs."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def thaw(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        self.thaw()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._place.close()

    def url(self, url: str) -> str:
        """Give a store's URL with this relay in place of its address."""
        parts = urlsplit(url)
        person = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return urlunsplit(parts._replace(netloc=f"{person}{_LOOPBACK}:{self.port}"))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _open(self) -> None:
        self._listener = _bound_socket(self.port)
        self._listener.listen(256)
        self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _cut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._loop.remove_reader(listener)
            listener.close()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        # One that was aborted before it was accepted is no connection.
        with contextlib.suppress(OSError):
            near, _address = listener.accept()
            near.settimeout(0)
            link = self._loop.create_task(self._serve(near))
            self._links.add(link)
            # Not in the task itself: one that is cancelled before it began runs none of its lines.
            link.add_done_callback(lambda _link: near.close())
            link.add_done_callback(self._links.discard)

    async def _serve(self, near: socket.socket) -> None:
        with socket.socket() as far:
            far.settimeout(0)
            # What ends one direction, ends both.
            with contextlib.suppress(OSError, ExceptionGroup):
                await self._loop.sock_connect(far, self._target)
                async with asyncio.TaskGroup() as flows:
                    flows.create_task(self._pump(near, far))
                    flows.create_task(self._pump(far, near))

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, 65_536):
            await self._flows.wait()
            await self._loop.sock_sendall(sink, data)
        raise EOFError


def _bound_socket(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.settimeout(0)
    bound.bind((_LOOPBACK, port))
    return bound


@contextmanager
def relayed(url: str) -> Iterator[tuple[Relay, str]]:
    """Give an open relay in front of the store of this URL, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    relay.open()
    try:
        yield relay, relay.url(url)
    finally:
        relay.close()
