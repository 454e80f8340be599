"""The socket of any page: notifications for every member, and nothing of any conversation."""

from typing import Any

import pytest

from chat.frames import CloseCode
from chat.models import Conversation
from crm.core.executor import run_sync
from crm.core.permissions import Level, Module
from crm.organizations.models import Membership
from crm.organizations.services.members import deactivate_member
from crm.organizations.services.teams import edit_team
from tests.chat.clients import as_agent, connected, cookie_of
from tests.organizations.people import give, make_team, rights
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
FRAMES: list[tuple[str, dict[str, Any]]] = [
    ("stream.pull", {"after": 0}),
    ("stream.seen", {"seq": 1}),
    ("typing", {"is_typing": True}),
    (
        "message.post",
        {"client_message_id": "m-1", "content": {"type": "reply", "text": "Hello"}},
    ),
]


async def test_it_follows_no_stream_and_takes_no_frame(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    options = as_agent(web_server, await run_sync(cookie_of, agent))
    stream = conversation.stream
    position = {"stream": stream, "epoch": str(conversation.epoch), "seq": 0}
    async with connected(web_server, "member", options=options, resume=[position]) as client:
        assert (await client.receive("refused"))["code"] == "unknown_frame"
        assert (await client.receive("notifications"))["unread"] == 0
    # Each on a socket of its own: errors are few before one is closed.
    for kind, members in FRAMES:
        async with connected(web_server, "member", options=options) as client:
            await client.send(kind, stream=stream, **members)
            refused = await client.receive("refused")
            assert (refused["code"], refused.get("stream")) == ("unknown_frame", stream), kind
    await run_sync(conversation.refresh_from_db)
    assert conversation.last_seq == 1


async def test_a_member_without_the_inbox_keeps_it_until_their_access_ends(
    web_server: LiveServer, agent: Membership, owner: Membership, colleague: Membership
) -> None:
    await run_sync(give, agent, rights(Module.CUSTOMERS, Level.ALL))
    team = await run_sync(make_team, "Nights", agent)
    options = as_agent(web_server, await run_sync(cookie_of, agent))
    async with connected(web_server, "member", options=options) as client:
        await client.receive("notifications")
        # Their permissions are read anew.
        await run_sync(
            edit_team,
            by=owner,
            team_id=team.pk,
            name="Nights",
            lead_id=None,
            member_ids=[colleague.pk],
        )
        assert await client.silence() == []
        await run_sync(deactivate_member, by=owner, membership_id=agent.pk)
        assert await client.closed() == CloseCode.FORBIDDEN
