"""State beside the log: receipts, typing, presence, rows of the inbox."""

import asyncio
import time

import pytest

from chat import presence
from chat.events import announce_typing
from chat.frames import CloseCode
from chat.models import Conversation, ConversationRead, Message, Widget
from chat.services import take_over
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import Client, at_work, visit
from tests.chat.test_stream_resume import write
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def follow(client: Client, stream: str) -> None:
    await client.pull(stream)


async def test_a_visitors_receipt_reaches_the_team(
    inbox: Client, web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        stream = (await client.post(None, "m-1"))["stream"]
        await follow(inbox, stream)
        await inbox.post(stream, "r-1")
        assert await client.events(2) == [1, 2]
        await client.send("stream.seen", stream=stream, seq=2)
        receipt = await inbox.receive("receipts")
    assert receipt == {"type": "receipts", "stream": stream, "customer_seen_seq": 2}
    head = await run_sync(Conversation.objects.get)
    reply = Message.objects.numbered(head.organization_id, head.pk, 2)
    assert head.customer_seen_seq == 2
    assert reply is not None
    assert reply.status["read"] is True


async def test_receipts_are_stored_at_most_once_a_second_and_the_newest_wins(
    inbox: Client, conversation: Conversation, agent: Membership
) -> None:
    await run_sync(write, conversation, "a", "b", "c", "d")
    await follow(inbox, conversation.stream)
    for seq in (1, 2, 3, 5, 4):
        await inbox.send("stream.seen", stream=conversation.stream, seq=seq)
    told = [(await inbox.receive("receipts"))["agents_seen_seq"] for _number in range(2)]
    assert told == [1, 5]
    read = await run_sync(ConversationRead.objects.get, conversation=conversation)
    assert (read.user_id, read.seen_seq) == (agent.user_id, 5)


async def test_typing_goes_to_the_other_side_without_ids_and_not_back(
    web_server: LiveServer, widget: Widget, agent: Membership, colleague: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with (
        visitor.connected() as client,
        at_work(web_server, agent) as linh,
        at_work(web_server, colleague) as marco,
    ):
        stream = (await client.post(None, "m-1"))["stream"]
        await follow(linh, stream)
        await follow(marco, stream)
        await client.send("typing.start", stream=stream)
        seen = await linh.receive("typing")
        assert (seen["sender"]["type"], seen["is_typing"]) == ("customer", True)
        await marco.receive("typing")
        await linh.send("typing.start", stream=stream)
        assert (await marco.receive("typing"))["sender"]["id"] == str(agent.user_id)
        assert await client.receive("typing") == {
            "type": "typing",
            "stream": stream,
            "sender": {"id": "agent", "type": "agent", "name": "Linh"},
            "is_typing": True,
        }
        await linh.send("typing.start", stream=stream)
        await linh.send("typing.stop", stream=stream)
        assert (await client.receive("typing"))["is_typing"] is False
        kinds = [frame["type"] for frame in await linh.silence()]
        assert "typing" not in kinds


async def test_the_bots_typing_reaches_the_visitor(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        stream = (await client.post(None, "m-1"))["stream"]
        await client.events(1)
        head = await run_sync(Conversation.objects.get)
        announce_typing(head.pk, sender={"id": "bot", "type": "bot", "name": "Bot"}, is_typing=True)
        typing = await client.receive("typing")
    assert (typing["stream"], typing["sender"]["type"]) == (stream, "bot")


async def test_visitors_learn_whether_anybody_is_there(
    web_server: LiveServer, widget: Widget, agent: Membership, viewer: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        assert (await client.receive("presence")) == {"type": "presence", "agents_online": False}
        async with at_work(web_server, viewer):
            assert await client.silence() == []
        async with at_work(web_server, agent):
            assert (await client.receive("presence"))["agents_online"] is True
        assert (await client.receive("presence"))["agents_online"] is False


async def test_two_tabs_are_one_person_and_the_last_one_ends_the_presence(
    web_server: LiveServer, agent: Membership, colleague: Membership
) -> None:
    async with at_work(web_server, colleague) as marco:
        assert (await marco.receive("presence"))["users"] == [person(colleague)]
        both = sorted([person(agent), person(colleague)], key=lambda each: each["id"])
        async with at_work(web_server, agent):
            assert (await marco.receive("presence"))["users"] == both
            async with at_work(web_server, agent):
                pass
            await asyncio.sleep(0.3)
            assert presence.online(agent.organization_id) == both
        assert (await marco.receive("presence"))["users"] == [person(colleague)]


def person(member: Membership) -> dict[str, str]:
    return {"id": str(member.user_id), "name": member.user.name}


async def test_colleagues_see_who_looks_at_a_conversation(
    web_server: LiveServer, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    stream = conversation.stream
    async with at_work(web_server, colleague) as marco:
        await follow(marco, stream)
        assert (await marco.receive("presence", stream=stream))["viewing"] == [person(colleague)]
        async with at_work(web_server, agent) as linh:
            await follow(linh, stream)
            seen = (await marco.receive("presence", stream=stream))["viewing"]
            assert {each["name"] for each in seen} == {"Linh", "Marco"}
        seen = (await marco.receive("presence", stream=stream))["viewing"]
        assert seen == [person(colleague)]


async def test_a_killed_process_is_forgotten(
    swift_server: LiveServer, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    long_ago = time.time() - 60
    gone = f"{colleague.user_id}:dead"
    stores.redis().zadd(f"online_users:{agent.organization_id}", {gone: long_ago})
    stores.redis().zadd(f"viewing:{conversation.pk}", {gone: long_ago})
    async with at_work(swift_server, agent) as linh:
        assert (await linh.receive("presence"))["users"] == [person(agent)]
        await follow(linh, conversation.stream)
        told = await linh.receive("presence", stream=conversation.stream)
        assert told["viewing"] == [person(agent)]


async def test_whoever_stops_giving_signs_of_life_is_noticed_without_a_word(
    swift_server: LiveServer, agent: Membership, colleague: Membership
) -> None:
    async with at_work(swift_server, agent) as linh:
        await linh.receive("presence")
        key = f"online_users:{agent.organization_id}"
        stores.redis().zadd(key, {f"{colleague.user_id}:other": time.time() + 3600})
        stores.redis().hset(f"user:{colleague.user_id}", "name", "Marco")
        users = (await linh.receive("presence"))["users"]
        assert {each["name"] for each in users} == {"Linh", "Marco"}
        stores.redis().zrem(key, f"{colleague.user_id}:other")
        assert (await linh.receive("presence"))["users"] == [person(agent)]


async def test_the_inbox_learns_of_every_change_of_a_conversation(
    conversation: Conversation, agent: Membership, inbox: Client
) -> None:
    await run_sync(write, conversation, "a")
    row = (await inbox.receive("conversation"))["row"]
    assert (row["id"], row["last_seq"], row["status"]) == (str(conversation.pk), 2, "bot")
    await run_sync(
        take_over,
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    row = (await inbox.receive("conversation"))["row"]
    assert (row["last_seq"], row["status"], row["assignee"]["name"]) == (3, "open", "Linh")


async def test_another_organization_learns_nothing(
    web_server: LiveServer, stranger: Membership, agent: Membership, conversation: Conversation
) -> None:
    async with at_work(web_server, stranger) as sam, at_work(web_server, agent) as linh:
        await sam.receive("notifications", unread=0)
        await sam.receive("presence")
        await follow(linh, conversation.stream)
        await linh.post(conversation.stream, "r-1")
        told = [frame for frame in await sam.silence() if frame["type"] != "heartbeat"]
    assert [frame for frame in [*told, *sam.unread] if frame["type"] != "presence"] == []


async def test_a_new_password_or_a_lost_membership_ends_the_socket_at_the_next_heartbeat(
    swift_server: LiveServer, agent: Membership, colleague: Membership
) -> None:
    async with at_work(swift_server, agent) as linh, at_work(swift_server, colleague) as marco:
        await run_sync(_change_password, agent)
        await run_sync(Membership.objects.filter(pk=colleague.pk).update, is_active=False)
        assert [await linh.closed(), await marco.closed()] == [4403, 4403]


def _change_password(member: Membership) -> None:
    member.user.set_password("another long password")
    member.user.save(update_fields=["password"])


async def test_a_demoted_agent_may_no_longer_write(
    swift_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    async with at_work(swift_server, agent) as linh:
        await follow(linh, conversation.stream)
        await linh.post(conversation.stream, "r-1")
        await run_sync(Membership.objects.filter(pk=agent.pk).update, role="viewer")
        assert (await linh.receive("refused"))["code"] == "session_expired"
        assert await linh.closed() == CloseCode.FORBIDDEN


async def test_all_readers_get_every_event_in_order_and_the_last_row(
    web_server: LiveServer, conversation: Conversation, agent: Membership, colleague: Membership
) -> None:
    """Frames are shared and rows thinned out: nobody misses an event, nor what a row is at last."""
    async with (
        at_work(web_server, agent) as linh,
        at_work(web_server, colleague) as marco,
        at_work(web_server, colleague) as elsewhere,
    ):
        readers = (linh, marco, elsewhere)
        for reader in readers:
            await follow(reader, conversation.stream)
        await run_sync(write, conversation, *(f"m-{number}" for number in range(20)))
        for reader in readers:
            assert await reader.events(20) == list(range(2, 22))
            seen = 0
            while seen < 21:
                row = (await reader.receive("conversation"))["row"]
                assert row["last_seq"] > seen
                seen = row["last_seq"]
