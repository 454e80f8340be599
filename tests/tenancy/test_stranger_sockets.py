"""A stranger sends every frame of both sockets, with the names of somebody else's conversation."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chat.frames import FRAMES_IN
from chat.models import Widget
from crm.core.executor import run_sync
from crm.organizations.models import Membership, Organization
from tests.chat.clients import Client, Frame, as_agent, connected, cookie_of, opened, visit
from tests.servers import LiveServer
from tests.tenancy.world import MARK, Theirs, make_theirs

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

# How to fill a field of a frame with something of theirs; a new field that is missing fails.
FIELDS: dict[str, Callable[[Theirs], Any]] = {
    "protocol": lambda theirs: 1,
    "resume": lambda theirs: [
        {"stream": theirs.stream, "epoch": theirs.conversation.epoch, "seq": 0}
    ],
    "organization": lambda theirs: str(theirs.organization.pk),
    "stream": lambda theirs: theirs.stream,
    "client_message_id": lambda theirs: "stranger-1",
    "content": lambda theirs: {"type": "text", "text": "Hello"},
    "after": lambda theirs: 0,
    "seq": lambda theirs: 1,
}
# Given by the ways in below: a ticket is somebody's own.
OWN = {"ticket"}


@pytest.fixture
def theirs(web_server: LiveServer) -> Theirs:
    return make_theirs()


def frames(theirs: Theirs) -> list[Frame]:
    return [
        {"type": kind, **{name: FIELDS[name](theirs) for name in _names(fields)}}
        for kind, fields in FRAMES_IN.items()
        # What names nothing asks for nothing of anybody.
        if kind != "hello" and fields
    ]


def _names(fields: tuple[str, ...]) -> list[str]:
    return [name.rstrip("?") for name in fields if name.rstrip("?") not in OWN]


async def tell_everything(client: Client, theirs: Theirs) -> list[Frame]:
    """Send each frame; give whatever came back until nothing came any more."""
    for frame in frames(theirs):
        await client.socket.send(json.dumps(frame))
    return [*client.unread, *await client.silence(1.5)]


def assert_nothing_of_theirs(told: list[Frame], ids: set[str], theirs: Theirs) -> None:
    text = json.dumps(told).lower()
    assert MARK not in text
    assert [i for i in ids if i in text.replace(str(theirs.conversation.pk), "")] == []
    # Each that asks for something is refused as if it were not there; typing is told to nobody.
    refused = [frame for frame in told if frame["type"] == "refused"]
    assert len(refused) >= len(frames(theirs)) - 1
    assert {frame["code"] for frame in refused} == {"conversation_not_found"}
    assert {frame["type"] for frame in told} <= {"refused", "presence", "heartbeat"}


async def test_every_frame_of_an_agents_socket(
    web_server: LiveServer, theirs: Theirs, stranger: Membership
) -> None:
    ids, before = await run_sync(theirs.ids), await run_sync(theirs.fingerprint)
    cookie = await run_sync(cookie_of, stranger)
    hello = {"resume": FIELDS["resume"](theirs)}
    async with connected(
        web_server, "inbox", options=as_agent(web_server, cookie), **hello
    ) as client:
        told = await tell_everything(client, theirs)
    assert_nothing_of_theirs(told, ids, theirs)
    assert await run_sync(theirs.fingerprint) == before


async def test_a_hello_that_names_their_organization_opens_nothing(
    web_server: LiveServer, theirs: Theirs, stranger: Membership
) -> None:
    ids = await run_sync(theirs.ids)
    cookie = await run_sync(cookie_of, stranger)
    hello = {name: FIELDS[name](theirs) for name in ("protocol", "organization", "resume")}
    async with opened(web_server, "inbox", **as_agent(web_server, cookie)) as client:
        await client.send("hello", **hello)
        refused = await client.receive("refused")
        assert refused["code"] == "organization_switched"
        assert await client.closed() == 4403
    text = json.dumps([refused, *client.unread]).lower()
    assert MARK not in text
    assert [found for found in ids if found in text] == []


async def test_every_frame_of_a_visitors_socket(
    web_server: LiveServer, theirs: Theirs, stranger_organization: Organization
) -> None:
    widget = await run_sync(
        Widget.objects.create, organization=stranger_organization, name="Ours", bot_enabled=False
    )
    ids, before = await run_sync(theirs.ids), await run_sync(theirs.fingerprint)
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected(resume=FIELDS["resume"](theirs)) as client:
        told = await tell_everything(client, theirs)
    assert_nothing_of_theirs(told, ids, theirs)
    assert await run_sync(theirs.fingerprint) == before


async def test_a_ticket_of_one_kind_of_socket_opens_no_other(
    web_server: LiveServer, theirs: Theirs, stranger_organization: Organization
) -> None:
    widget = await run_sync(
        Widget.objects.create, organization=stranger_organization, name="Ours", bot_enabled=False
    )
    visitor = await visit(web_server, widget.site_key)
    async with opened(web_server, "inbox", origin=web_server.base_url) as client:
        await client.send("hello", protocol=1, ticket=await visitor.ticket())
        assert await client.closed() in {4401, 4403}
    assert MARK not in json.dumps(client.unread)


async def test_every_field_of_every_frame_is_filled() -> None:
    fields = {name for names in FRAMES_IN.values() for name in _names(names)}
    assert fields == set(FIELDS)
