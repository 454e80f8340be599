"""Restarts and stores that go away: nothing is lost, everybody is told."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from chat.models import Conversation, Widget
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import PATIENCE, Client, at_work, calling, opened, visit
from tests.chat.test_stream_resume import write
from tests.relays import relayed
from tests.servers import database_url, serving

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.asyncio,
    pytest.mark.long,
]


async def test_sigterm_closes_every_socket_with_1012_and_exits_with_0(
    transactional_db: None, widget: Widget, agent: Membership, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        visitor = await visit(server, widget.site_key)
        async with AsyncExitStack() as sockets:
            clients = [await sockets.enter_async_context(visitor.connected()) for _n in range(5)]
            clients.append(await sockets.enter_async_context(at_work(server, agent)))
            clients.append(await sockets.enter_async_context(opened(server, "widget")))
            await clients[0].post(None, "m-1")
            server.ask_to_go()
            assert [await client.closed() for client in clients] == [1012] * 7
        assert await asyncio.to_thread(server.stop) == 0


async def test_a_message_on_its_way_is_acked_before_the_goodbye(
    transactional_db: None, widget: Widget, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        visitor = await visit(server, widget.site_key)
        async with visitor.connected() as client:
            stream = (await client.post(None, "m-0"))["stream"]
            # Few enough to be done within the server's patience on a slow machine too.
            for number in range(1, 10):
                await client.send(
                    "message.post",
                    stream=stream,
                    client_message_id=f"m-{number}",
                    content={"type": "text", "text": "Hi"},
                )
            await asyncio.sleep(0.05)
            server.ask_to_go()
            assert await client.closed() == 1012
            acked = {f["client_message_id"] for f in client.unread if f["type"] == "message.ack"}
    stored = {d["client_message_id"] for d in stores.mongo_db()["messages"].find()}
    assert acked == stored - {"m-0"}


async def test_many_sockets_are_closed_spread_out_while_readiness_is_false(
    transactional_db: None, widget: Widget, tmp_path: Path
) -> None:
    """Ten at once, and the next ten only after minutes: nothing here depends on being quick."""
    with serving(tmp_path, CHAT_DRAIN_SECONDS="600", CHAT_CLOSED_PER_SECOND="0.01") as server:
        visitor = await visit(server, widget.site_key)
        async with AsyncExitStack() as sockets, calling(server) as http:
            clients = [
                await sockets.enter_async_context(visitor.connected()) for _number in range(30)
            ]
            stream = (await clients[0].post(None, "m-1"))["stream"]
            assert (await http.get("/ready")).status_code == 200
            server.ask_to_go()
            ending = {asyncio.create_task(client.closed(600)): client for client in clients}
            ended: set[asyncio.Task[int]] = set()
            while len(ended) < 10:
                done, _others = await asyncio.wait(
                    ending.keys() - ended, return_when=asyncio.FIRST_COMPLETED
                )
                ended |= done
            assert {task.result() for task in ended} == {1012}
            assert (await http.get("/ready")).status_code == 503
            async with opened(server, "widget") as late:
                await late.send("hello", protocol=1, ticket="any")
                assert await late.closed() == 1012
            staying = [client for task, client in ending.items() if not task.done()]
            assert len(staying) == 20
            # Who stays is served. The task that waits for the end reads what comes meanwhile.
            await staying[0].send(
                "message.post",
                stream=stream,
                client_message_id="m-2",
                content={"type": "text", "text": "Hi"},
            )
            await _until(lambda: any(f["type"] == "message.ack" for f in staying[0].unread))
            # A second signal ends it at once.
            server.process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
            await asyncio.gather(*ending)


async def test_sockets_that_are_closed_in_groups_are_all_told_to_come_back(
    transactional_db: None, widget: Widget, tmp_path: Path
) -> None:
    with serving(tmp_path, CHAT_DRAIN_SECONDS="1", CHAT_CLOSED_PER_SECOND="1") as server:
        visitor = await visit(server, widget.site_key)
        async with AsyncExitStack() as sockets:
            clients = [
                await sockets.enter_async_context(visitor.connected()) for _number in range(25)
            ]
            server.ask_to_go()
            assert [await client.closed() for client in clients] == [1012] * 25
            assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0


async def _until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_true():  # noqa: ASYNC110  what changes is in another process
            await asyncio.sleep(0.05)


async def test_after_redis_was_away_every_socket_reads_its_logs_again(
    transactional_db: None,
    stores_clean: None,
    agent: Membership,
    conversation: Conversation,
    tmp_path: Path,
) -> None:
    with (
        relayed(os.environ["REDIS_URL"]) as (relay, url),
        serving(tmp_path, REDIS_URL=url) as server,
    ):
        async with at_work(server, agent) as client:
            await client.pull(conversation.stream, after=1)
            # The first one comes soon after the welcome; the next one later than this test takes.
            await client.receive("heartbeat")
            relay.cut()
            await run_sync(write, conversation, "a", "b")
            assert await client.silence(1) == []
            relay.open()
            assert await client.events(2) == [2, 3]
            await run_sync(write, conversation, "c")
            assert await client.events(1) == [4]


async def test_messages_are_acked_and_read_while_redis_is_away(
    transactional_db: None,
    stores_clean: None,
    agent: Membership,
    colleague: Membership,
    widget: Widget,
    tmp_path: Path,
) -> None:
    with (
        relayed(os.environ["REDIS_URL"]) as (relay, url),
        serving(tmp_path, REDIS_URL=url, CHAT_HEARTBEAT_SECONDS="1") as server,
    ):
        visitor = await visit(server, widget.site_key)
        async with visitor.connected() as client, at_work(server, agent) as team:
            stream = (await client.post(None, "m-1"))["stream"]
            await team.pull(stream)
            relay.cut()
            assert (await client.post(stream, "m-2"))["seq"] == 2
            assert (await client.post(stream, "m-3"))["seq"] == 3
            # No hint can come: the heartbeat brings them.
            assert await team.events(2) == [2, 3]
            await client.send("typing.start", stream=stream)
            await team.send("stream.seen", stream=stream, seq=3)
            async with calling(server) as http:
                reply = await http.post("/api/v1/widget/tickets", headers=visitor.headers)
                assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
                assert int(reply.headers["retry-after"]) > 0
                reply = await http.post(
                    f"/api/v1/streams/{stream}/messages",
                    json={"content": {"type": "text", "text": "Hi"}},
                    headers=visitor.headers | {"Idempotency-Key": "m-4"},
                )
                assert (reply.status_code, reply.json()["seq"]) == (201, 4)
            async with opened(server, "widget") as late:
                await late.send("hello", protocol=1, ticket="any")
                assert await late.closed() == 1012
                refused = [f for f in late.unread if f["type"] == "refused"]
                assert refused[0]["code"] == "store_unavailable"
            async with at_work(server, colleague) as marco:
                assert (await marco.pull(stream, after=3))["to"] == 4
                await marco.post(stream, "r-1")
            relay.open()
            # Behind the reply and the line of its taking over.
            assert (await client.post(stream, "m-5"))["seq"] == 7


async def test_messages_are_acked_while_redis_hangs(
    transactional_db: None, stores_clean: None, widget: Widget, tmp_path: Path
) -> None:
    with (
        relayed(os.environ["REDIS_URL"]) as (relay, url),
        serving(tmp_path, REDIS_URL=url, CHAT_HEARTBEAT_SECONDS="1") as server,
    ):
        visitor = await visit(server, widget.site_key)
        async with visitor.connected() as client:
            stream = (await client.post(None, "m-1"))["stream"]
            relay.freeze()
            for number in range(2, 6):
                assert (await client.post(stream, f"m-{number}"))["seq"] == number
            relay.thaw()
            assert await client.events(5) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("store", ["DATABASE_URL", "MONGODB_URL"])
async def test_a_store_that_is_away_is_a_refusal_that_may_be_retried(
    transactional_db: None, stores_clean: None, widget: Widget, tmp_path: Path, store: str
) -> None:
    real = database_url() if store == "DATABASE_URL" else os.environ[store]
    with relayed(real) as (relay, url):
        if store == "MONGODB_URL":
            # Else the driver asks the engine for its address, and goes around the relay.
            url += "&directConnection=true" if "?" in url else "?directConnection=true"
        variables: Any = {store: url}
        with serving(tmp_path, **variables) as server:
            visitor = await visit(server, widget.site_key)
            async with visitor.connected() as client:
                stream = (await client.post(None, "m-1"))["stream"]
                relay.cut()
                await client.send(
                    "message.post",
                    stream=stream,
                    client_message_id="m-2",
                    content={"type": "text", "text": "Hi"},
                )
                refused = await client.receive_one_of("refused")
                assert (refused["code"], refused["client_message_id"]) == (
                    "store_unavailable",
                    "m-2",
                )
                assert refused["retry_after"] > 0
                relay.open()
                assert await _retried(client, stream, "m-2") == 2
    messages = stores.mongo_db()["messages"].find().sort("seq", 1)
    assert [m["client_message_id"] for m in messages] == ["m-1", "m-2"]


async def _retried(client: Client, stream: str, client_message_id: str) -> int:
    """Send again until it is acked, as a client does."""
    for _attempt in range(20):
        await client.send(
            "message.post",
            stream=stream,
            client_message_id=client_message_id,
            content={"type": "text", "text": "Hi"},
        )
        answer = await client.receive_one_of("message.ack", "refused")
        if answer["type"] == "message.ack":
            seq: int = answer["seq"]
            return seq
        await asyncio.sleep(0.5)
    raise AssertionError("The message was never acked.")


async def test_a_killed_server_loses_nothing(
    transactional_db: None, stores_clean: None, widget: Widget, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        visitor = await visit(server, widget.site_key)
        async with visitor.connected() as client:
            first = await client.post(None, "m-1")
            await client.post(first["stream"], "m-2")
            server.kill()
            assert await client.closed() == 1006
    with serving(tmp_path) as server:
        visitor.server = server
        async with visitor.connected(
            resume=[{"stream": first["stream"], "epoch": first["epoch"], "seq": 0}]
        ) as client:
            frame = await client.receive("stream.resumed")
            assert [e["data"]["client_message_id"] for e in frame["events"]] == ["m-1", "m-2"]
            again = await client.post(first["stream"], "m-2")
            assert again["seq"] == 2
