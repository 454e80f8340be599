"""A client of the stream protocol, as small as one can be."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from django.test import Client as Browser
from websockets.asyncio.client import ClientConnection

from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.patience import PATIENCE
from tests.servers import LiveServer

Frame = dict[str, Any]
STATE = {"presence", "heartbeat", "conversation", "notifications"}


class Client:
    """One socket; frames that were not asked for stay in ``unread``."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.unread: list[Frame] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def receive(self, kind: str, **wanted: Any) -> Frame:
        """Give the next frame of a type, with these members, whatever else comes before it."""

        def fits(frame: Frame) -> bool:
            return frame["type"] == kind and all(frame.get(k) == v for k, v in wanted.items())

        for frame in self.unread:
            if fits(frame):
                self.unread.remove(frame)
                return frame
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    frame = json.loads(await self.socket.recv())
                    if fits(frame):
                        return frame
                    self.unread.append(frame)
        except TimeoutError:
            pytest.fail(f"No {kind} {wanted} came, but {self.unread[-20:]}", pytrace=False)

    async def receive_one_of(self, *kinds: str, patience: float = PATIENCE) -> Frame:
        """Give the next frame of one of these types that was not read before."""
        async with asyncio.timeout(patience):
            while True:
                frame: Frame = json.loads(await self.socket.recv())
                if frame["type"] in kinds:
                    return frame
                self.unread.append(frame)

    async def events(self, count: int) -> list[int]:
        """Give the numbers of the next events."""
        return [(await self.receive("event"))["seq"] for _number in range(count)]

    async def pull(self, stream: str, after: int = 0) -> Frame:
        """Follow a stream from here on; give what was in it."""
        await self.send("stream.pull", stream=stream, after=after)
        return await self.receive("stream.resumed", stream=stream)

    async def post(self, stream: str | None, client_message_id: str, text: str = "Hi") -> Frame:
        await self.send(
            "message.post",
            stream=stream,
            client_message_id=client_message_id,
            content={"type": "text", "text": text},
        )
        return await self.receive("message.ack", client_message_id=client_message_id)

    async def silence(self, seconds: float = 0.5) -> list[Frame]:
        """Give what comes, besides state, in a time in which nothing should."""
        told = list(self.unread)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    told.append(json.loads(await self.socket.recv()))
        except TimeoutError:
            return [f for f in told if f["type"] not in STATE]

    async def closed(self, patience: float = PATIENCE) -> int:
        """Wait for the end and give its code."""
        async with asyncio.timeout(patience):
            try:
                while True:
                    self.unread.append(json.loads(await self.socket.recv()))
            except websockets.ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006


class Visitor:
    """What a browser keeps of a visitor, and the calls it makes."""

    def __init__(self, server: LiveServer, session: dict[str, Any]) -> None:
        self.server = server
        self.session = session
        self.headers = {"Authorization": f"Bearer {session['visitor_token']}"}

    @asynccontextmanager
    async def connected(self, **hello: Any) -> AsyncIterator[Client]:
        ticket = hello.pop("ticket", None) or await self.ticket()
        async with connected(self.server, "widget", ticket=ticket, **hello) as client:
            yield client

    async def ticket(self) -> str:
        async with calling(self.server) as http:
            reply = await http.post("/api/v1/widget/tickets", headers=self.headers)
        ticket: str = reply.json()["ticket"]
        return ticket


def calling(server: LiveServer, **options: Any) -> httpx.AsyncClient:
    """Give a client of this server's HTTP, as patient as the sockets; httpx waits 5 seconds."""
    return httpx.AsyncClient(base_url=server.base_url, timeout=PATIENCE, **options)


async def visit(server: LiveServer, site_key: str, **body: Any) -> Visitor:
    async with calling(server) as http:
        reply = await http.post("/api/v1/widget/sessions", json={"site_key": site_key, **body})
    assert reply.status_code in {200, 201}, reply.text
    return Visitor(server, reply.json())


@asynccontextmanager
async def opened(server: LiveServer, name: str, **options: Any) -> AsyncIterator[Client]:
    """Open a socket and say nothing."""
    url = f"{server.websocket_url}/ws/{name}/"
    async with websockets.connect(
        url, max_size=None, open_timeout=PATIENCE, ping_interval=None, **options
    ) as socket:
        yield Client(socket)


@asynccontextmanager
async def connected(
    server: LiveServer, name: str, *, options: dict[str, Any] | None = None, **hello: Any
) -> AsyncIterator[Client]:
    """Open a socket and be welcomed."""
    async with opened(server, name, **(options or {})) as client:
        await client.send("hello", protocol=1, **hello)
        await client.receive("welcome")
        yield client


@asynccontextmanager
async def at_work(server: LiveServer, member: Membership) -> AsyncIterator[Client]:
    """The inbox socket of somebody who has just logged in."""
    cookie = await run_sync(cookie_of, member)
    async with connected(server, "inbox", options=as_agent(server, cookie)) as client:
        yield client


def cookie_of(membership: Membership) -> str:
    browser = Browser()
    browser.force_login(membership.user)
    return browser.cookies["sessionid"].value


def as_agent(server: LiveServer, cookie: str, origin: str | None = "own") -> dict[str, Any]:
    """Give the handshake of a browser whose page has this origin."""
    headers = {"Cookie": f"sessionid={cookie}"}
    origin = server.base_url if origin == "own" else origin
    return {"additional_headers": headers, "origin": origin}
