"""Clients that send too fast or read too slowly, and what the others notice of them."""

import asyncio
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction

from chat.models import Conversation, Widget
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import PATIENCE, as_agent, calling, connected, cookie_of, visit
from tests.chat.test_stream_resume import write
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def post(stream: str | None, number: int, text: str = "Hi") -> str:
    return json.dumps(
        {
            "type": "message.post",
            "stream": stream,
            "client_message_id": f"m-{number}",
            "content": {"type": "text", "text": text},
        }
    )


async def test_ten_thousand_messages_at_once_are_acked_refused_or_cut_off(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        stream = (await client.post(None, "first"))["stream"]

        async def pour() -> None:
            for number in range(10_000):
                await client.socket.send(post(stream, number))

        pouring = asyncio.create_task(pour())
        code = await client.closed(240)
        await asyncio.gather(pouring, return_exceptions=True)
    assert code == 4429
    acked = {f["client_message_id"] for f in client.unread if f["type"] == "message.ack"}
    refused = [f for f in client.unread if f["type"] == "refused"]
    assert {f["code"] for f in refused} == {"rate_limited"}
    assert all(f["retry_after"] > 0 for f in refused)
    assert acked.isdisjoint(f["client_message_id"] for f in refused)
    stored = {d["client_message_id"] for d in stores.mongo_db()["messages"].find()}
    assert acked <= stored
    assert stored.isdisjoint(f["client_message_id"] for f in refused)
    head = await run_sync(Conversation.objects.get)
    assert head.last_seq == len(stored)

    # What was not acked is sent again later, under the same ids.
    again = [name for name in ("m-0", "m-500", "m-9999") if name not in acked]
    await asyncio.sleep(2)
    async with visitor.connected() as client:
        for name in again:
            assert (await client.post(stream, name))["seq"] > 0
    stored_twice = stores.mongo_db()["messages"].aggregate(
        [
            {"$group": {"_id": "$client_message_id", "times": {"$sum": 1}}},
            {"$match": {"times": {"$gt": 1}}},
        ]
    )
    assert list(stored_twice) == []


async def test_a_visitor_cannot_get_around_the_limit_with_more_sockets(
    swift_server: LiveServer, widget: Widget
) -> None:
    """The limit is the visitor's, over sockets and HTTP."""
    visitor = await visit(swift_server, widget.site_key)
    async with (
        visitor.connected() as one,
        visitor.connected() as two,
        calling(swift_server, headers=visitor.headers) as http,
    ):
        stream = (await one.post(None, "first"))["stream"]
        url = f"/api/v1/streams/{stream}/messages"
        content = {"content": {"type": "text", "text": "x" * 10_001}}

        async def refused_long_text(number: int) -> str:
            reply = await http.post(url, json=content, headers={"Idempotency-Key": f"h-{number}"})
            assert ("retry-after" in reply.headers) is (reply.status_code == 429)
            code: str = reply.json()["code"]
            return code

        # Texts that are too long store nothing, so that the server is faster than the limit;
        # if it is hardly so, it takes a few more.
        for number in range(50):
            await (one, two)[number % 2].socket.send(post(stream, number, "x" * 10_001))
        codes: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while "rate_limited" not in codes:
                codes += await asyncio.gather(*(refused_long_text(n) for n in range(40)))
        answers = [await client.receive("refused") for client in (one, two) for _n in range(25)]
    codes += [answer["code"] for answer in answers]
    assert set(codes) == {"text_too_long", "rate_limited"}
    assert all(f["retry_after"] > 0 for f in answers if f["code"] == "rate_limited")


def _narrow_socket(server: LiveServer) -> socket.socket:
    """Connect with a window so small that a slow reader shows at once."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", server.port))
    narrow.settimeout(0)
    return narrow


async def _slow_inbox(server: LiveServer, agent: Membership) -> Any:
    cookie = await run_sync(cookie_of, agent)
    options = as_agent(server, cookie) | {
        "sock": _narrow_socket(server),
        "max_queue": 1,
        "compression": None,
    }
    return connected(server, "inbox", options=options)


def write_much(conversation: Conversation, start: int, count: int) -> None:
    write(conversation, *(f"{number:05}-" + "x" * 50 for number in range(start, start + count)))


async def test_who_asks_for_much_and_reads_nothing_is_closed_as_too_slow(
    swift_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    document = stores.mongo_db()["messages"].find_one({})
    assert document is not None
    for seq in range(2, 200):
        document |= {
            "_id": seq,
            "seq": seq,
            "message_id": f"00000000-0000-7000-8000-{seq:012}",
            "client_message_id": f"long-{seq}",
            "content": {"type": "text", "text": "x" * 10_000},
        }
        stores.mongo_db()["messages"].insert_one(document)
    await run_sync(Conversation.objects.filter(pk=conversation.pk).update, last_seq=199)
    stuck_before = len(_stuck(swift_server))
    async with await _slow_inbox(swift_server, agent) as slow:
        for _number in range(12):
            await slow.send("stream.pull", stream=conversation.stream, after=0)
        async with asyncio.timeout(PATIENCE):
            while len(_stuck(swift_server)) == stuck_before:  # noqa: ASYNC110  a foreign process
                await asyncio.sleep(0.1)
        raw = slow.socket.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        assert await slow.closed() == 4408
        resumed = [f for f in slow.unread if f["type"] == "stream.resumed"]
        assert all(len(frame["events"]) == 199 for frame in resumed)


def _stuck(server: LiveServer) -> list[str]:
    """Give the lines in which the server says that it gave up on a client."""
    return [line for line in server.log.read_text().splitlines() if "does not read" in line]


async def test_a_slow_client_does_not_hold_up_the_others(
    swift_server: LiveServer, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, colleague)
    options = as_agent(swift_server, cookie)
    async with (
        await _slow_inbox(swift_server, agent) as slow,
        connected(swift_server, "inbox", options=options) as quick,
    ):
        for client in (slow, quick):
            await client.pull(conversation.stream)
        await run_sync(write_much, conversation, 0, 60)
        assert await quick.events(60) == list(range(2, 62))


async def test_a_slow_query_of_one_socket_does_not_hold_up_another(
    web_server: LiveServer, agent: Membership, widget: Widget, conversation: Conversation
) -> None:
    """Hold a row lock that one visitor's message waits for, and talk to the server meanwhile."""
    first = await visit(web_server, widget.site_key)
    second = await visit(web_server, widget.site_key)
    async with first.connected() as waiting, second.connected() as free:
        stream = (await waiting.post(None, "m-1"))["stream"]
        await free.post(None, "f-0")
        with ThreadPoolExecutor(1) as pool:
            held, release = asyncio.Event(), asyncio.Event()
            loop = asyncio.get_running_loop()
            holding = loop.run_in_executor(pool, _hold_lock, stream, loop, held, release)
            await held.wait()
            await waiting.socket.send(post(stream, 2))
            own = (await free.post(None, "f-1"))["seq"]
            assert (own, [f for f in waiting.unread if f["type"] == "message.ack"]) == (2, [])
            release.set()
            await holding
        assert (await waiting.receive("message.ack", client_message_id="m-2"))["seq"] == 2


def _hold_lock(
    stream: str, loop: asyncio.AbstractEventLoop, held: asyncio.Event, release: asyncio.Event
) -> None:
    try:
        with transaction.atomic():
            Conversation.objects.select_for_update().get(pk=stream.partition(":")[2])
            loop.call_soon_threadsafe(held.set)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(PATIENCE)
    finally:
        connections.close_all()
