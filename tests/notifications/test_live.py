"""The unread count over the stream: at the inbox, and at any other page."""

from uuid import UUID

import pytest

from crm.core.executor import run_sync
from crm.core.notifications.services import mark_read, notify
from crm.core.records.notices import ASSIGNED
from crm.organizations.models import CustomRole, Membership
from tests.chat.clients import as_agent, at_work, connected, cookie_of
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def tell(member: Membership, key: str) -> None:
    notify(
        organization_id=member.organization_id,
        kind=ASSIGNED,
        key=key,
        subject="customers",
        subject_id=UUID(int=1),
        user_ids=[member.user_id],
    )


@pytest.mark.asyncio
async def test_each_page_of_a_member_hears_of_it_and_nobody_else(
    web_server: LiveServer, agent: Membership, colleague: Membership
) -> None:
    cookie = await run_sync(cookie_of, agent)
    options = as_agent(web_server, cookie)
    async with (
        at_work(web_server, agent) as inbox,
        connected(web_server, "member", options=options) as page,
        at_work(web_server, colleague) as other,
    ):
        for each in (inbox, page, other):
            assert (await each.receive("notifications"))["unread"] == 0
        await run_sync(tell, agent, "a")
        for each in (inbox, page):
            assert (await each.receive("notifications"))["unread"] == 1
        await run_sync(lambda: mark_read(by=agent))
        for each in (inbox, page):
            assert (await each.receive("notifications"))["unread"] == 0
        await run_sync(tell, colleague, "b")
        # The first that comes to somebody else is their own.
        assert (await other.receive("notifications"))["unread"] == 1


@pytest.mark.asyncio
async def test_a_member_without_the_inbox_hears_of_theirs_and_sees_no_rows(
    web_server: LiveServer, agent: Membership
) -> None:
    def without_inbox() -> str:
        agent.custom_role = CustomRole.objects.create(
            organization=agent.organization, name="Customers", grants={"customers": {"read": "all"}}
        )
        agent.save()
        return cookie_of(agent)

    cookie = await run_sync(without_inbox)
    options = as_agent(web_server, cookie)
    async with connected(web_server, "member", options=options) as page:
        await run_sync(tell, agent, "a")
        assert (await page.receive("notifications", unread=1))["unread"] == 1
