"""Nothing missed, nothing twice: resuming, pulling, gaps and races."""

import asyncio
from typing import Any

import pytest

from chat.events import conversation_group
from chat.models import Conversation, Widget
from chat.services import post_message
from chat.services.conversations import customer_sender
from crm.core import realtime, stores
from crm.core.executor import run_sync
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.chat.clients import Client, as_agent, connected, cookie_of, visit
from tests.conftest import make_conversation
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def write(conversation: Conversation, *names: str) -> None:
    """Write as the customer, by the one write path."""
    for name in names:
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=customer_sender(conversation.customer),
            content={"type": "text", "text": name},
            client_message_id=name,
        )


def write_unannounced(conversation: Conversation, *names: str) -> None:
    """Write while Redis loses every hint."""
    publish, realtime.publish = realtime.publish, lambda *messages: None
    try:
        write(conversation, *names)
    finally:
        realtime.publish = publish


def position(conversation: Conversation, seq: int, epoch: str | None = None) -> dict[str, Any]:
    return {"stream": conversation.stream, "epoch": epoch or conversation.epoch, "seq": seq}


async def resumed(
    server: LiveServer, agent: Membership, *positions: dict[str, Any]
) -> list[dict[str, Any]]:
    cookie = await run_sync(cookie_of, agent)
    options = as_agent(server, cookie)
    async with connected(server, "inbox", options=options, resume=list(positions)) as client:
        return [await client.receive("stream.resumed") for _position in positions]


async def test_a_client_gets_what_it_missed_and_then_what_is_new(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    await run_sync(write, conversation, "a", "b", "c")
    cookie = await run_sync(cookie_of, agent)
    async with connected(
        web_server,
        "inbox",
        options=as_agent(web_server, cookie),
        resume=[position(conversation, 2)],
    ) as client:
        frame = await client.receive("stream.resumed")
        assert (frame["from"], frame["to"], frame["recovered"]) == (2, 4, True)
        assert [event["seq"] for event in frame["events"]] == [3, 4]
        assert [event["data"]["content"]["text"] for event in frame["events"]] == ["b", "c"]
        assert "reason" not in frame
        await run_sync(write, conversation, "d")
        assert await client.events(1) == [5]


async def test_where_a_client_cannot_resume_it_is_told_why(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    frames = await resumed(
        web_server,
        agent,
        position(conversation, 0, epoch="before-restore"),
        position(conversation, 7),
    )
    told = [(f["recovered"], f["reason"], f["events"], f["to"]) for f in frames]
    assert told == [(False, "epoch", [], 1), (False, "ahead", [], 1)]


async def test_three_hundred_events_are_served_and_one_more_is_too_many(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    await run_sync(write, conversation, *(f"m{n}" for n in range(300)))
    (all_of_it,) = await resumed(web_server, agent, position(conversation, 1))
    assert (all_of_it["recovered"], all_of_it["to"]) == (True, 301)
    assert [event["seq"] for event in all_of_it["events"]] == list(range(2, 302))
    (too_many,) = await resumed(web_server, agent, position(conversation, 0))
    assert (too_many["recovered"], too_many["reason"]) == (False, "too_many")
    assert (too_many["events"], too_many["to"]) == ([], 301)


async def test_a_client_behind_an_unrecovered_stream_still_goes_live(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, agent)
    async with connected(
        web_server,
        "inbox",
        options=as_agent(web_server, cookie),
        resume=[position(conversation, 0, epoch="other")],
    ) as client:
        await client.receive("stream.resumed")
        await run_sync(write, conversation, "a")
        assert await client.events(1) == [2]


async def test_a_pull_answers_and_subscribes(inbox: Client, conversation: Conversation) -> None:
    frame = await inbox.pull(conversation.stream)
    assert ([event["seq"] for event in frame["events"]], frame["epoch"]) == (
        [1],
        conversation.epoch,
    )
    await run_sync(write, conversation, "a")
    assert await inbox.events(1) == [2]


async def test_a_lost_hint_is_healed_by_the_next(inbox: Client, conversation: Conversation) -> None:
    await inbox.pull(conversation.stream, after=1)
    await run_sync(write_unannounced, conversation, "a", "b")
    await run_sync(write, conversation, "c")
    assert await inbox.events(3) == [2, 3, 4]


async def test_a_hint_that_comes_twice_or_late_changes_nothing(
    inbox: Client, conversation: Conversation
) -> None:
    await inbox.pull(conversation.stream, after=1)
    await run_sync(write, conversation, "a")
    assert await inbox.events(1) == [2]
    late = {"type": "event", "stream": conversation.stream, "seq": 1, "kind": "x", "data": {}}
    for seq in (1, 2):
        realtime.publish(
            (
                conversation_group(conversation.pk),
                {
                    "type": "stream.hint",
                    "stream": conversation.stream,
                    "seq": seq,
                    "frames": {"team": late, "customer": late},
                },
            )
        )
    assert await inbox.silence() == []


async def test_a_lost_hint_is_healed_by_the_heartbeat(
    swift_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, agent)
    async with connected(swift_server, "inbox", options=as_agent(swift_server, cookie)) as client:
        await client.pull(conversation.stream, after=1)
        await run_sync(write_unannounced, conversation, "a", "b")
        assert await client.events(2) == [2, 3]
        beat = await client.receive("heartbeat", last_seqs={conversation.stream: 3})
        await run_sync(conversation.refresh_from_db)
        assert beat["inbox"] == conversation.updated_at.isoformat()


async def test_posts_that_race_with_subscribing_arrive_once_in_order(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, agent)
    total = 60

    async def follow(delay: float) -> list[int]:
        await asyncio.sleep(delay)
        options = as_agent(web_server, cookie)
        async with connected(
            web_server, "inbox", options=options, resume=[position(conversation, 0)]
        ) as client:
            frame = await client.receive("stream.resumed")
            seen = [event["seq"] for event in frame["events"]]
            while seen[-1] < total + 1:
                seen += await client.events(1)
            return seen

    followers = [asyncio.create_task(follow(number / 25)) for number in range(12)]
    await run_sync(write, conversation, *(f"m{n}" for n in range(total)))
    for seen in await asyncio.gather(*followers):
        assert seen == list(range(1, total + 2))


async def test_a_visitor_who_comes_back_finds_the_conversation(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        assert (await client.post(ack["stream"], "m-2"))["seq"] == 2
    again = await visit(web_server, widget.site_key, visitor_token=visitor.session["visitor_token"])
    assert again.session["is_new"] is False
    told = again.session["conversation"]
    assert (told["stream"], told["epoch"], told["last_seq"]) == (ack["stream"], ack["epoch"], 2)
    async with again.connected(
        resume=[{"stream": ack["stream"], "epoch": ack["epoch"], "seq": 1}]
    ) as client:
        frame = await client.receive("stream.resumed")
        assert [event["data"]["client_message_id"] for event in frame["events"]] == ["m-2"]


async def test_the_same_message_twice_is_acked_twice_and_stored_once(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client, visitor.connected() as other_tab:
        first = await client.post(None, "m-1")
        assert await other_tab.post(None, "m-1") == first
        assert await client.post(first["stream"], "m-1") == {
            key: value for key, value in first.items() if key not in {"stream", "epoch"}
        }
        assert await client.events(1) == [1]
        assert await client.silence() == []
    assert stores.mongo_db()["messages"].count_documents({}) == 1


async def test_an_agents_private_note_is_a_number_without_content_for_the_visitor(
    inbox: Client, web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        stream = (await client.post(None, "m-1"))["stream"]
        await inbox.pull(stream)
        await inbox.send(
            "message.post",
            stream=stream,
            client_message_id="n-1",
            content={"type": "note", "text": "a difficult customer"},
        )
        await inbox.receive("message.ack")
        await client.receive("event", seq=1)
        told = await client.receive("event", seq=2)
    assert (told["kind"], told["data"]) == ("conversation.changed", {})


async def test_the_fifty_first_stream_drops_the_one_used_longest_ago(
    inbox: Client, conversation: Conversation
) -> None:
    heads = await run_sync(_more_conversations, conversation, 50)
    for head in [conversation, *heads]:
        await inbox.pull(head.stream)
        # Below the rate at which a socket may ask.
        await asyncio.sleep(0.05)
    await run_sync(write, conversation, "a")
    await run_sync(write, heads[0], "b")
    event = await inbox.receive("event")
    assert event["stream"] == heads[0].stream


def _more_conversations(like: Conversation, count: int) -> list[Conversation]:
    assert like.widget is not None
    return [
        make_conversation(
            Customer.objects.create(organization=like.organization), like.widget, f"more-{number}"
        )
        for number in range(count)
    ]
