"""Emails about customers who wait unseen, and the page that says who wants which alert."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import AlertEmail, AlertSettings, Conversation, Message, Widget
from chat.services import assign, close, mark_seen_by_agent, post_message, reopen
from chat.services.alerts import (
    change_alert_settings,
    purge_alert_emails,
    send_alert_emails,
    unalerted,
)
from chat.services.conversations import agent_sender, customer_sender
from chat.tasks import send_email_about_waiting
from crm.core.mail.models import Mail
from crm.core.text.normalization import isolate
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from crm.organizations.services.members import deactivate_member
from tests.conftest import make_conversation
from tests.sweeps import sweep_and_work

pytestmark = pytest.mark.django_db
PAGE = reverse("chat:notifications")


def say(conversation: Conversation, text: str, key: str) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": text},
        client_message_id=key,
    )


def older(conversation: Conversation, minutes: int) -> None:
    """Let a conversation, as it is now, be this much older."""
    back = timedelta(minutes=minutes)
    conversation.refresh_from_db()
    Conversation.objects.filter(pk=conversation.pk).update(
        waiting_since=conversation.waiting_since and conversation.waiting_since - back
    )
    log = Message.objects.collection
    for entry in list(log.find({"conversation_id": str(conversation.pk)})):
        moved = {"$set": {"timestamp": entry["timestamp"] - back}}
        log.update_one({"_id": entry["_id"]}, moved)


@pytest.fixture
def waiting(conversation: Conversation, agent: Membership) -> Conversation:
    """A customer who waits for the agent for ten minutes, unseen."""
    named: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    assign(**named, assignee_id=agent.user_id, by=agent)
    older(conversation, 10)
    return conversation


def mails() -> list[Mail]:
    return list(Mail.objects.filter(kind="customer_waits").order_by("created_at"))


def sweep() -> None:
    sweep_and_work(send_email_about_waiting)


def test_assignee_who_has_not_looked_is_told_once(
    waiting: Conversation, agent: Membership, settings: LazySettings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://crm.example"]
    for _again in range(3):
        sweep()
    [mail] = mails()
    assert mail.to == agent.user.email
    assert mail.subject == f"{isolate('Minh')} waits for your answer"
    assert "Do you ship to Manila?" in mail.text
    assert "waits 10 minutes" in mail.text
    assert f"https://crm.example/app/inbox/{waiting.pk}/" in mail.text
    assert "https://crm.example/app/settings/notifications/" in mail.text
    assert AlertEmail.objects.get().waiting_since is not None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "while it is closed, only the email below reaches you"),
        ("vi", "khi hộp thư đóng, chỉ có email bên dưới báo cho bạn"),
        ("ru", "о клиенте сообщит только письмо, которое включается ниже"),
    ],
)
def test_page_says_what_is_heard_without_an_open_inbox(
    client: Client, agent: Membership, settings: LazySettings, language: str, words: str
) -> None:
    client.force_login(agent.user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    assert words in client.get(PAGE).content.decode()


def test_email_is_in_the_language_of_the_person(waiting: Conversation, agent: Membership) -> None:
    agent.user.language_code = "vi"
    agent.user.save(update_fields=["language_code"])
    sweep()
    assert "đang chờ bạn trả lời" in mails()[0].subject


@pytest.mark.parametrize("why", ["seen", "answered", "closed", "nobody's", "the bot's", "recent"])
def test_nobody_is_told_where_nothing_is_missed(
    conversation: Conversation, agent: Membership, why: str
) -> None:
    named: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    if why != "the bot's":
        assign(**named, assignee_id=agent.user_id, by=agent)
    older(conversation, 1 if why == "recent" else 10)
    if why == "seen":
        mark_seen_by_agent(**named, user=agent.user, seq=1)
    elif why == "answered":
        post_message(
            **named,
            sender=agent_sender(agent.user),
            content={"type": "text", "text": "Yes"},
            client_message_id="yes",
        )
    elif why == "closed":
        close(**named, by=agent)
    elif why == "nobody's":
        assign(**named, assignee_id=None, by=agent)
    sweep()
    assert mails() == []


def test_what_a_colleague_saw_is_still_unseen_by_the_assignee(
    waiting: Conversation, colleague: Membership
) -> None:
    mark_seen_by_agent(
        organization_id=waiting.organization_id,
        conversation_id=waiting.pk,
        user=colleague.user,
        seq=2,
    )
    sweep()
    assert len(mails()) == 1


def test_who_read_the_first_and_was_written_to_just_now_is_not_told(
    waiting: Conversation, agent: Membership
) -> None:
    mark_seen_by_agent(
        organization_id=waiting.organization_id,
        conversation_id=waiting.pk,
        user=agent.user,
        seq=2,
    )
    say(waiting, "Hello?", "hello")
    sweep()
    assert mails() == []
    older(waiting, 6)
    sweep()
    assert len(mails()) == 1


def test_next_wait_is_told_again_and_after_a_pause(
    waiting: Conversation, agent: Membership
) -> None:
    sweep()
    post_message(
        organization_id=waiting.organization_id,
        conversation_id=waiting.pk,
        sender=agent_sender(agent.user),
        content={"type": "text", "text": "Yes"},
        client_message_id="yes",
    )
    say(waiting, "And to Cebu?", "cebu")
    older(waiting, 6)
    sweep()
    assert len(mails()) == 1
    AlertEmail.objects.update(created_at=timezone.now() - timedelta(minutes=20))
    sweep()
    assert len(mails()) == 2


def test_several_are_told_together(
    waiting: Conversation, agent: Membership, organization: Organization, widget: Widget
) -> None:
    for name in ("An", "Bình"):
        customer = Customer.objects.create(organization=organization, name=name)
        other = make_conversation(customer, widget, f"first-{customer.pk.hex}")
        assign(
            organization_id=organization.pk,
            conversation_id=other.pk,
            assignee_id=agent.user_id,
            by=agent,
        )
        older(other, 7)
    sweep()
    [mail] = mails()
    assert mail.subject == "3 customers wait for your answer"
    for name in ("Minh", "An", "Bình"):
        assert isolate(name) in mail.text
    assert AlertEmail.objects.count() == 3


def test_name_of_a_customer_turns_no_sentence_around(waiting: Conversation) -> None:
    Customer.objects.update(name="\u202eevil")
    sweep()
    [mail] = mails()
    assert "\u202e" not in mail.subject + mail.text
    assert isolate("evil") in mail.subject


@pytest.mark.parametrize("why", ["switched off", "later", "deactivated"])
def test_who_wants_none_or_is_gone_is_not_told(
    waiting: Conversation, agent: Membership, owner: Membership, why: str
) -> None:
    if why == "deactivated":
        deactivate_member(by=owner, membership_id=agent.pk)
    else:
        change_alert_settings(
            by=agent,
            sound=True,
            desktop=False,
            email=why != "switched off",
            email_after_minutes=30,
        )
    sweep()
    assert mails() == []
    if why == "later":
        older(waiting, 25)
        sweep()
        assert len(mails()) == 1


def test_other_organizations_are_not_mixed_up(
    waiting: Conversation, agent: Membership, stranger: Membership
) -> None:
    assert unalerted() == [(agent.organization_id, agent.user_id)]
    assert send_alert_emails(organization_id=stranger.organization_id, user_id=agent.user_id) == 0
    assert mails() == []


def test_whom_nothing_is_sent_to_yet_is_not_asked_about(
    waiting: Conversation, agent: Membership
) -> None:
    told = {"sound": True, "desktop": False, "email": True}
    change_alert_settings(by=agent, **told, email_after_minutes=30)
    assert unalerted() == []
    change_alert_settings(by=agent, **told, email_after_minutes=10)
    assert unalerted() == [(agent.organization_id, agent.user_id)]


def test_one_whose_email_fails_holds_up_nobody(
    waiting: Conversation,
    agent: Membership,
    colleague: Membership,
    customer: Customer,
    widget: Widget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    close(organization_id=waiting.organization_id, conversation_id=waiting.pk, by=agent)
    others = [make_conversation(customer, widget, first="second")]
    reopen(organization_id=waiting.organization_id, conversation_id=waiting.pk, by=agent)
    assign(
        organization_id=waiting.organization_id,
        conversation_id=others[0].pk,
        assignee_id=colleague.user_id,
        by=agent,
    )
    older(others[0], 10)
    first, second = (user_id for _organization, user_id in unalerted())
    send = send_alert_emails

    def fails_for_the_first(*, organization_id: UUID, user_id: UUID) -> int:
        if user_id == first:
            raise ValueError
        return send(organization_id=organization_id, user_id=user_id)

    monkeypatch.setattr("chat.tasks.send_alert_emails", fails_for_the_first)
    sweep()
    assert list(AlertEmail.objects.values_list("user_id", flat=True)) == [second]


def test_a_sweep_that_is_killed_leaves_neither_row_nor_email(
    waiting: Conversation, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledHere(Exception):
        pass

    def die(**kwargs: Any) -> None:
        raise KilledHere

    with monkeypatch.context() as patched:
        patched.setattr("chat.services.alerts.queue_mail", die)
        with pytest.raises(KilledHere):
            send_alert_emails(organization_id=agent.organization_id, user_id=agent.user_id)
    assert AlertEmail.objects.count() == 0
    sweep()
    assert len(mails()) == 1


def test_old_rows_are_dropped(waiting: Conversation) -> None:
    sweep()
    assert purge_alert_emails() == 0
    AlertEmail.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert purge_alert_emails() == 1


# --- The page -------------------------------------------------------------------------------------


def test_page_keeps_what_somebody_wants_to_hear_of(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    form = client.get(PAGE).context["form"]
    assert form.initial == {
        "sound": True,
        "desktop": False,
        "email": True,
        "email_after_minutes": 5,
    }
    saved = client.post(PAGE, {"desktop": "on", "email": "on", "email_after_minutes": "10"})
    assert saved.status_code == 302
    own = AlertSettings.objects.get()
    assert (own.user_id, own.organization_id) == (agent.user_id, agent.organization_id)
    assert (own.sound, own.desktop, own.email, own.email_after_minutes) == (False, True, True, 10)
    state = client.get(reverse("chat:inbox")).context["state"]
    assert state["alerts"] == {"sound": False, "desktop": True}


@pytest.mark.parametrize("minutes", ["", "0", "3", "many", "10\x00"])
def test_delay_that_is_not_offered_changes_nothing(
    client: Client, agent: Membership, minutes: str
) -> None:
    client.force_login(agent.user)
    refused = client.post(PAGE, {"email": "on", "email_after_minutes": minutes})
    assert refused.status_code == 400
    assert not AlertSettings.objects.exists()


# --- What the tab shows ---------------------------------------------------------------------------


def test_unread_are_counted_among_mine_and_nobodys(
    client: Client,
    agent: Membership,
    waiting: Conversation,
    organization: Organization,
    widget: Widget,
) -> None:
    client.force_login(agent.user)
    counts = reverse("chat:inbox_counts")
    assert client.get(counts).json()["unread"] == 1
    customer = Customer.objects.create(organization=organization, name="An")
    other = make_conversation(customer, widget, "first-of-an")
    # With the bot it is nobody's business yet.
    assert client.get(counts).json()["unread"] == 1
    Conversation.objects.filter(pk=other.pk).update(status="open")
    assert client.get(counts).json()["unread"] == 2
    mark_seen_by_agent(
        organization_id=organization.pk, conversation_id=other.pk, user=agent.user, seq=1
    )
    assert client.get(counts).json()["unread"] == 1


def test_whom_the_organization_does_not_let_in_reads_no_customers_words(
    waiting: Conversation, agent: Membership
) -> None:
    Organization.objects.filter(pk=agent.organization_id).update(requires_second_factor=True)
    assert send_alert_emails(organization_id=agent.organization_id, user_id=agent.user_id) == 0
    TOTP.activate(agent.user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert send_alert_emails(organization_id=agent.organization_id, user_id=agent.user_id) == 1
