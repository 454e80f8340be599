"""Rights on open sockets: what is followed, posted and told, and what ends when they change."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from chat.frames import CloseCode
from chat.models import Conversation, Widget
from chat.services import assign, post_message
from chat.services.conversations import customer_sender
from crm.core.executor import run_sync
from crm.core.permissions import READ, WRITE, Level, Module, can_access
from crm.customers.models import Customer
from crm.organizations.models import CustomRole, Membership, Organization, Role, Team
from crm.organizations.services.roles import change_role, edit_role
from crm.organizations.services.teams import edit_team
from tests.chat.clients import Client, as_agent, connected, cookie_of, opened
from tests.conftest import make_conversation, make_member
from tests.organizations.people import give, make_team, pairs, present, rights
from tests.patience import PATIENCE
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


class Office:
    """Me, a mate of my team, somebody else; a conversation of each, and one of nobody."""

    def __init__(self, organization: Organization, widget: Widget) -> None:
        self.owner = make_member(organization, "Olga", Role.OWNER)
        self.people = {
            name: make_member(organization, name, Role.AGENT) for name in ("me", "mate", "other")
        }
        self.team = make_team("Shared", self.people["me"], self.people["mate"])
        self.talks: dict[str, Conversation] = {}
        for name in ("me", "mate", "other", "nobody"):
            customer = Customer.objects.create(organization=organization, name=f"of {name}")
            conversation = make_conversation(customer, widget, first=f"first-{name}")
            conversation.status = "open"
            person = self.people.get(name)
            conversation.assignee = person.user if person else None
            conversation.save(update_fields=["status", "assignee"])
            self.talks[name] = conversation

    @property
    def me(self) -> Membership:
        return self.people["me"]

    def named(self, whose: str) -> dict[str, Any]:
        conversation = self.talks[whose]
        return {
            "organization_id": conversation.organization_id,
            "conversation_id": conversation.pk,
        }

    def write(self, whose: str, text_id: str) -> None:
        customer = Customer.objects.get(pk=self.talks[whose].customer_id)
        post_message(
            **self.named(whose),
            sender=customer_sender(customer),
            content={"type": "text", "text": text_id},
            client_message_id=text_id,
        )

    def move(self, whose: str, to: str | None) -> None:
        assign(
            **self.named(whose),
            assignee_id=self.people[to].user_id if to else None,
            by=self.owner,
        )


@pytest.fixture
def office(organization: Organization, widget: Widget) -> Office:
    return Office(organization, widget)


async def come_in(
    stack: AsyncExitStack, server: LiveServer, office: Office, read: Level, write: Level
) -> Client:
    await run_sync(give, office.me, rights(Module.INBOX, read, write))
    cookie = await run_sync(cookie_of, office.me)
    client = await stack.enter_async_context(
        connected(server, "inbox", options=as_agent(server, cookie))
    )
    await client.receive("presence")
    return client


async def follow(client: Client, stream: str) -> None:
    await client.pull(stream)


async def test_without_the_inbox_there_is_no_socket(web_server: LiveServer, office: Office) -> None:
    await run_sync(give, office.me, rights(Module.KNOWLEDGE, Level.ALL))
    cookie = await run_sync(cookie_of, office.me)
    async with opened(web_server, "inbox", **as_agent(web_server, cookie)) as client:
        await client.send("hello", protocol=1)
        assert (await client.receive("refused"))["code"] == "session_expired"
        assert await client.closed() == CloseCode.FORBIDDEN


@pytest.mark.parametrize(
    ("read", "write"), [pair for pair in pairs(Module.INBOX) if pair[0] > Level.NONE]
)
async def test_streams_are_followed_and_written_as_far_as_the_levels_reach(
    web_server: LiveServer, office: Office, read: Level, write: Level
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, read, write)
        me = await run_sync(present, office.me)
        for whose, conversation in office.talks.items():
            owner_ids = conversation.owner_ids
            is_seen = await run_sync(can_access, me, Module.INBOX, READ, owner_ids)
            may_write = await run_sync(can_access, me, Module.INBOX, WRITE, owner_ids)
            stream = conversation.stream
            await client.send("stream.pull", stream=stream, after=0)
            answer = await client.receive_one_of("stream.resumed", "refused")
            assert answer.get("code") == (None if is_seen else "conversation_not_found")
            await client.send(
                "message.post",
                stream=stream,
                client_message_id=f"post-{whose}",
                content={"type": "text", "text": "Hi"},
            )
            answer = await client.receive_one_of("message.ack", "refused")
            if may_write:
                assert answer["type"] == "message.ack"
                continue
            refusal = "not_assigned" if is_seen else "conversation_not_found"
            assert answer["code"] == (refusal if write > Level.NONE else "read_only")
            await client.send("typing.start", stream=stream)
            # A stream that is not seen is not followed, whatever may be written.
            allowed = {refusal if is_seen and write > Level.NONE else "read_only"}
            answer = await client.receive("refused")
            assert answer["code"] in (allowed if is_seen else {"conversation_not_found"})


async def test_rows_of_others_are_not_told(web_server: LiveServer, office: Office) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.OWN, Level.OWN)
        for whose in ("other", "nobody", "mate", "me"):
            await run_sync(office.write, whose, f"m-{whose}")
        row = (await client.receive("conversation"))["row"]
        assert row["id"] == str(office.talks["me"].pk)
        kinds = {frame["type"] for frame in client.unread}
        assert kinds.isdisjoint({"conversation", "conversation.gone", "event"})


async def test_conversation_that_moves_away_is_gone_and_silent(
    web_server: LiveServer, office: Office
) -> None:
    stream = office.talks["mate"].stream
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.TEAM, Level.TEAM)
        await follow(client, stream)
        await run_sync(office.move, "mate", "other")
        # The entry that moved it is the last that they are told.
        assert (await client.receive("event"))["data"]["change"]["name"] == "assigned"
        assert (await client.receive("conversation.gone"))["stream"] == stream
        await run_sync(office.write, "mate", "secret")
        await run_sync(office.write, "me", "mine")
        await client.receive("conversation")
        told = await client.silence()
        assert [frame for frame in told if frame.get("stream") == stream] == []
        await client.send("stream.pull", stream=stream, after=0)
        assert (await client.receive("refused"))["code"] == "conversation_not_found"
        await run_sync(office.move, "mate", None)
        assert (await client.receive("conversation"))["row"]["stream"] == stream


async def test_message_of_somebody_elses_conversation_tells_nothing(
    web_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.TEAM, Level.TEAM)
        await run_sync(office.write, "other", "secret")
        await run_sync(office.write, "nobody", "new")
        row = (await client.receive("conversation"))["row"]
        assert row["id"] == str(office.talks["nobody"].pk)
        assert not [frame for frame in client.unread if frame["type"] == "conversation.gone"]


async def test_another_role_closes_the_socket_at_once(
    web_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.ALL, Level.ALL)
        await run_sync(change_role, by=office.owner, membership_id=office.me.pk, key="viewer")
        assert (await client.receive("refused"))["code"] == "session_expired"
        assert await client.closed() == CloseCode.FORBIDDEN


async def test_edited_role_closes_the_sockets_of_its_members(
    web_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.ALL, Level.ALL)
        role = await run_sync(CustomRole.objects.get)
        await run_sync(
            edit_role,
            by=office.owner,
            role_id=role.pk,
            version=role.version,
            name=role.name,
            rights=rights(Module.INBOX, Level.OWN),
        )
        assert await client.closed() == CloseCode.FORBIDDEN


async def test_role_edited_elsewhere_leaves_the_inbox_open(
    web_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.ALL, Level.ALL)
        role = await run_sync(CustomRole.objects.get)
        wider = {**role.rights.grants, **rights(Module.KNOWLEDGE, Level.OWN).grants}
        await run_sync(
            edit_role,
            by=office.owner,
            role_id=role.pk,
            version=role.version,
            name=role.name,
            rights=type(role.rights)(wider),
        )
        await client.post(office.talks["me"].stream, "still-here")


async def test_leaving_a_team_ends_its_streams_and_no_more(
    web_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, web_server, office, Level.TEAM, Level.TEAM)
        for whose in ("me", "mate", "nobody"):
            await follow(client, office.talks[whose].stream)
        await run_sync(
            edit_team,
            by=office.owner,
            team_id=office.team.pk,
            name="Shared",
            lead_id=None,
            member_ids=[office.people["mate"].pk],
        )
        gone = await client.receive("conversation.gone")
        assert gone["stream"] == office.talks["mate"].stream
        await client.post(office.talks["me"].stream, "still-here")
        await run_sync(office.write, "mate", "secret")
        await run_sync(office.write, "nobody", "open")
        assert (await client.receive("event", stream=office.talks["nobody"].stream))["seq"] == 2
        about = [f for f in client.unread if f.get("stream") == office.talks["mate"].stream]
        assert "event" not in {frame["type"] for frame in about}


async def test_heartbeat_ends_what_no_hint_has_told(
    swift_server: LiveServer, office: Office
) -> None:
    stream = office.talks["mate"].stream
    async with AsyncExitStack() as stack:
        client = await come_in(stack, swift_server, office, Level.TEAM, Level.TEAM)
        await follow(client, stream)
        # Past the services: as if every hint had been lost.
        moved = Conversation.objects.filter(pk=office.talks["mate"].pk)
        await run_sync(moved.update, assignee=office.people["other"].user)
        assert (await client.receive("conversation.gone"))["stream"] == stream
        await run_sync(Team.objects.all().delete)
        await run_sync(give, office.me, rights(Module.INBOX, Level.TEAM))
        assert await client.closed() == CloseCode.FORBIDDEN


async def test_heartbeat_tells_no_change_of_what_is_not_seen(
    swift_server: LiveServer, office: Office
) -> None:
    async with AsyncExitStack() as stack:
        client = await come_in(stack, swift_server, office, Level.OWN, Level.OWN)
        before = (await client.receive("heartbeat"))["inbox"]
        await run_sync(office.write, "other", "secret")
        await client.receive("heartbeat")
        assert (await client.receive("heartbeat"))["inbox"] == before
        await run_sync(office.write, "me", "mine")
        await client.receive("heartbeat")
        assert (await client.receive("heartbeat"))["inbox"] > before


async def test_long_poll_that_waits_is_told_that_it_is_gone(
    web_server: LiveServer, office: Office
) -> None:
    await run_sync(give, office.me, rights(Module.INBOX, Level.OWN))
    cookie = await run_sync(cookie_of, office.me)
    url = f"{web_server.base_url}/api/v1/streams/{office.talks['me'].stream}/events"
    async with httpx.AsyncClient(cookies={"sessionid": cookie}, timeout=PATIENCE) as browser:
        answer = await browser.get(url, params={"after": 0})
        assert answer.status_code == 200, web_server.log.read_text()[-6000:]
        assert [event["seq"] for event in answer.json()["events"]] == [1]
        waiting = asyncio.ensure_future(browser.get(url, params={"after": 1, "wait": 20}))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await run_sync(office.move, "me", "other")
        refused = await waiting
    assert (refused.status_code, refused.json()["code"]) == (404, "conversation_not_found")
