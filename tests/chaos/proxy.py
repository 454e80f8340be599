"""A TCP proxy before the web processes, whose connections can be cut in the middle of a byte."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 16_384


@dataclass(eq=False)
class _Link:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def cut(self) -> None:
        """Reset both sides; what was on its way is lost."""
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Hands each connection to one of the ports, at random, and to another where one refuses."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        self._ports = list(ports)
        self._rng = rng
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self.cuts = 0

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cut()
        tasks = [task for link in self._links for task in link.tasks]
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut_one(self) -> bool:
        """Cut a connection at random; tell whether there was one."""
        links = sorted(self._links, key=id)
        if not links:
            return False
        self._rng.choice(links).cut()
        self.cuts += 1
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._link(reader, writer)
        finally:
            # Also when the run ends while it still looks for a port that answers.
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._rng.sample(self._ports, len(self._ports)):
            try:
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            link = _Link(writer, server_writer)
            self._links.add(link)
            link.tasks = [
                asyncio.create_task(_pump(reader, server_writer)),
                asyncio.create_task(_pump(server_reader, writer)),
            ]
            try:
                await asyncio.gather(*link.tasks, return_exceptions=True)
            finally:
                self._links.discard(link)
                link.cut()
            return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.close()
