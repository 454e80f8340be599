"""What becomes of open conversations when somebody is deactivated or leaves."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from chat.models import Conversation, Message, Status, Widget
from chat.services import close, post_message, snooze, take_over
from chat.services.conversations import customer_sender
from chat.services.reassignment import left_behind, reassign
from chat.tasks import reassign_conversations
from crm.compliance.models import AuditEntry
from crm.core.executor import run_sync
from crm.core.ids import uuid7
from crm.core.permissions import Level, Module
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.services.members import (
    deactivate_member,
    leave_organization,
    reactivate_member,
)
from tests.chat.clients import at_work
from tests.conftest import make_conversation, make_member
from tests.organizations.people import give, rights
from tests.servers import LiveServer
from tests.sweeps import sweep
from tests.worker_stores import await_idle_worker


def talk_of(member: Membership, widget: Widget, number: int = 1) -> Conversation:
    """A conversation that somebody took over."""
    customer = Customer.objects.create(organization=member.organization, name=f"Caller {number}")
    conversation = make_conversation(customer, widget, first=f"first-{number}")
    return take_over(
        organization_id=member.organization_id, conversation_id=conversation.pk, by=member
    )


def hand_over_of(member: Membership, **options: int) -> bool:
    return reassign(organization_id=member.organization_id, user_id=member.user_id, **options)


def page_of(member: Membership) -> str:
    return reverse("organizations:deactivate_member", args=[member.pk])


def last_change(conversation: Conversation) -> dict[str, object]:
    entries = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    change: dict[str, object] = entries[-1].content["change"]
    return change


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("chosen", ["colleague", "nobody"])
def test_open_conversations_go_to_whom_the_page_says(
    owner: Membership, agent: Membership, colleague: Membership, widget: Widget, chosen: str
) -> None:
    is_open, asleep, is_closed = (talk_of(agent, widget, number) for number in range(3))
    named: dict[str, Any] = {"organization_id": agent.organization_id, "by": agent}
    later = is_open.created_at.replace(year=is_open.created_at.year + 1)
    snooze(conversation_id=asleep.pk, until=later, **named)
    close(conversation_id=is_closed.pk, **named)
    browser = Browser()
    browser.force_login(owner.user)
    asked = browser.get(page_of(agent)).content.decode()
    assert "Marco" in asked
    assert "Olga" in asked
    successor = colleague.pk if chosen == "colleague" else ""
    assert browser.post(page_of(agent), {"successor": successor}).status_code == 302

    assert hand_over_of(agent) is False
    new_owner = colleague.user_id if chosen == "colleague" else None
    for conversation, status in ((is_open, Status.OPEN), (asleep, Status.SNOOZED)):
        conversation.refresh_from_db()
        assert (conversation.assignee_id, conversation.status) == (new_owner, status)
        assert last_change(conversation)["reason"] == "left"
    is_closed.refresh_from_db()
    assert is_closed.assignee_id == agent.user_id
    assert last_change(is_closed)["name"] == "closed"
    length = is_open.last_seq
    assert hand_over_of(agent) is False
    is_open.refresh_from_db()
    assert is_open.last_seq == length


@pytest.mark.django_db(transaction=True)
def test_who_decided_and_what_moved_is_in_the_audit(
    owner: Membership, agent: Membership, colleague: Membership, widget: Widget
) -> None:
    conversation = talk_of(agent, widget)
    browser = Browser()
    browser.force_login(owner.user)
    browser.post(page_of(agent), {"successor": colleague.pk})
    hand_over_of(agent)
    told = {
        (entry.action, entry.object_id): entry
        for entry in AuditEntry.objects.of(agent.organization_id).oldest_first()
    }
    decided = told["member.updated", str(agent.user_id)]
    assert decided.actor_id == str(owner.user_id)
    assert decided.details["changes"]["successor_id"] == [None, str(colleague.pk)]
    moved = told["conversation.updated", str(conversation.pk)]
    assert moved.details["changes"]["assignee_id"] == [
        str(agent.user_id),
        str(colleague.user_id),
    ]


def test_only_who_answers_customers_can_take_over(
    client: Browser,
    organization: Organization,
    owner: Membership,
    agent: Membership,
    viewer: Membership,
    stranger: Membership,
) -> None:
    reader = give(make_member(organization, "Rita", Role.AGENT), rights(Module.INBOX, Level.ALL))
    gone = make_member(organization, "Gina", Role.AGENT)
    Membership.objects.filter(pk=gone.pk).update(is_active=False)
    client.force_login(owner.user)
    for wrong in (viewer.pk, stranger.pk, agent.pk, reader.pk, gone.pk, uuid7(), "x"):
        answer = client.post(page_of(agent), {"successor": wrong})
        assert answer.status_code == 400, wrong
        assert list(answer.context["form"].errors) == ["successor"]
    agent.refresh_from_db()
    assert agent.is_active
    assert client.get(page_of(stranger)).status_code == 404


def test_who_may_not_change_settings_is_not_even_asked(client: Browser, agent: Membership) -> None:
    victim = make_member(agent.organization, "Vic", Role.AGENT)
    client.force_login(agent.user)
    assert client.get(page_of(victim)).status_code == 403
    assert client.post(page_of(victim)).status_code == 403
    victim.refresh_from_db()
    assert victim.is_active


@pytest.mark.django_db(transaction=True)
def test_a_successor_who_left_meanwhile_takes_nothing(
    owner: Membership, agent: Membership, colleague: Membership, widget: Widget
) -> None:
    conversation = talk_of(agent, widget)
    deactivate_member(by=owner, membership_id=agent.pk, successor_id=colleague.pk)
    deactivate_member(by=owner, membership_id=colleague.pk)
    hand_over_of(agent)
    conversation.refresh_from_db()
    assert conversation.assignee_id is None


@pytest.mark.django_db(transaction=True)
def test_whoever_is_let_in_again_keeps_what_they_have(
    owner: Membership, agent: Membership, colleague: Membership, widget: Widget
) -> None:
    conversation = talk_of(agent, widget)
    deactivate_member(by=owner, membership_id=agent.pk, successor_id=colleague.pk)
    back = reactivate_member(by=owner, membership_id=agent.pk)
    assert back.successor_id is None
    assert hand_over_of(agent) is False
    conversation.refresh_from_db()
    assert conversation.assignee_id == agent.user_id


@pytest.mark.django_db(transaction=True)
def test_many_are_handed_over_in_stretches(agent: Membership, widget: Widget) -> None:
    talks = [talk_of(agent, widget, number) for number in range(3)]
    leave_organization(membership_id=agent.pk)
    assert hand_over_of(agent, limit=2) is True
    assert hand_over_of(agent, limit=2) is False
    owners = Conversation.objects.filter(pk__in=[talk.pk for talk in talks])
    assert set(owners.values_list("assignee", flat=True)) == {None}


@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_whoever_is_not_there_any_more(
    agent: Membership, colleague: Membership, widget: Widget
) -> None:
    """Leaving was announced to nobody: by hand in the database, or by an operator's switch."""
    talk_of(agent, widget, 1)
    talk_of(colleague, widget, 2)
    assert left_behind() == []
    Membership.objects.filter(pk=agent.pk).update(is_active=False)
    User.objects.filter(pk=colleague.user_id).update(is_active=False)
    found = {(agent.organization_id, each.user_id) for each in (agent, colleague)}
    assert set(left_behind()) == found
    Membership.objects.filter(pk=agent.pk).delete()
    assert set(left_behind()) == found
    for each in (agent, colleague):
        hand_over_of(each)
    assert left_behind() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_colleagues_see_it_at_once(
    web_server: LiveServer,
    web_worker: object,
    owner: Membership,
    agent: Membership,
    colleague: Membership,
    widget: Widget,
) -> None:
    """From the page to another one's screen, through the queue and a worker."""
    conversation = await run_sync(talk_of, agent, widget)

    def shut_out() -> None:
        browser = Browser()
        browser.force_login(owner.user)
        browser.post(page_of(agent), {"successor": colleague.pk})

    async with at_work(web_server, colleague) as client:
        await run_sync(shut_out)
        while True:
            row = (await client.receive("conversation"))["row"]
            if row["assignee"]["name"] == "Marco":
                break
        assert row["id"] == str(conversation.pk)
    head = await run_sync(Conversation.objects.get, pk=conversation.pk)
    assert head.assignee_id == colleague.user_id
    # The customer still writes into the same conversation.
    await run_sync(_write, head)


def _write(head: Conversation) -> None:
    posted = post_message(
        organization_id=head.organization_id,
        conversation_id=head.pk,
        sender=customer_sender(Customer.objects.get(pk=head.customer_id)),
        content={"type": "text", "text": "Are you there?"},
        client_message_id="later",
    )
    assert posted.seq == head.last_seq + 1


@pytest.mark.django_db(transaction=True)
def test_the_sweep_queues_what_it_finds(
    web_worker: object, agent: Membership, widget: Widget
) -> None:
    talk_of(agent, widget)
    Membership.objects.filter(pk=agent.pk).update(is_active=False)
    sweep(reassign_conversations)
    await_idle_worker()
    assert left_behind() == []
