"""Who counts as online: whoever is at any page of ours, and nobody whose page was left alone."""

import time

import pytest
from django.test import Client as Browser
from django.urls import reverse

from chat import presence
from chat.presence import PAGE_SECONDS
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership, Organization
from tests.chat.clients import Client, visit
from tests.outages import without_redis
from tests.servers import LiveServer


def is_online(member: Membership) -> bool:
    found = presence.online(member.organization_id)
    return str(member.user_id) in {person["id"] for person in found}


def test_member_at_any_page_is_online_for_a_while(client: Browser, agent: Membership) -> None:
    client.force_login(agent.user)
    page = client.get(reverse("organizations:settings")).content.decode()
    assert f'data-url="{reverse("chat:presence")}"' in page
    assert not is_online(agent)
    assert client.post(reverse("chat:presence")).status_code == 200
    assert presence.online(agent.organization_id) == [
        {"id": str(agent.user_id), "name": agent.user.name}
    ]
    # Dated so that it is dropped PAGE_SECONDS later, however often sockets report.
    key = f"online_users:{agent.organization_id}"
    member = f"{agent.user_id}:{presence.PAGE}"
    left = float(stores.redis().zscore(key, member) or 0) + presence.online_seconds() - time.time()
    assert PAGE_SECONDS - 60 < left <= PAGE_SECONDS
    stores.redis().zincrby(key, -PAGE_SECONDS, member)
    assert not is_online(agent)


def test_report_asks_few_questions_and_survives_without_redis(
    client: Browser, agent: Membership, django_assert_max_num_queries: object
) -> None:
    client.force_login(agent.user)
    client.post(reverse("chat:presence"))
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        client.post(reverse("chat:presence"))
    with without_redis():
        assert client.post(reverse("chat:presence")).status_code == 200


def test_whoever_answers_nobody_does_not_count(client: Browser, viewer: Membership) -> None:
    client.force_login(viewer.user)
    assert 'name="nextflow-presence"' not in client.get(reverse("chat:inbox")).content.decode()
    assert client.post(reverse("chat:presence")).status_code == 403
    assert not is_online(viewer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_inbox_that_was_left_alone_is_away_until_somebody_is_back(
    inbox: Client, agent: Membership
) -> None:
    await inbox.receive("presence")
    await inbox.send("presence.away")
    assert (await inbox.receive("presence"))["users"] == []
    assert not await run_sync(is_online, agent)
    await inbox.send("presence.back")
    (person,) = (await inbox.receive("presence"))["users"]
    assert person["id"] == str(agent.user_id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_visitor_has_no_presence_to_give(
    web_server: LiveServer, organization: Organization, widget: object
) -> None:
    visitor = await visit(web_server, widget.site_key)  # type: ignore[attr-defined]
    async with visitor.connected() as client:
        await client.send("presence.away")
        assert (await client.receive("refused"))["code"] == "unknown_frame"
