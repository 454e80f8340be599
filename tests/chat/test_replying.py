"""Who answers after a reply, and what the customer is told of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat.events import Audience, event_frame
from chat.models import Conversation, Message, Status
from chat.services import assign, close, post_message, reopen, return_to_bot, snooze, take_over
from chat.services.conversations import agent_sender, sender_of
from chat.services.message_log import append
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db


def reply(
    conversation: Conversation, by: Membership, text: str = "Hello", kind: str = "text"
) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=sender_of(by),
        content={"type": kind, "text": text},
        client_message_id=f"{kind}-{text}".replace(" ", "-"),
        by=by,
    )


def named(conversation: Conversation) -> dict[str, Any]:
    return {"organization_id": conversation.organization_id, "conversation_id": conversation.pk}


def changes(conversation: Conversation, audience: Audience) -> list[dict[str, Any]]:
    """Return what an audience is told of changes; a customer is told nothing of some entries."""
    log = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    told = [dict[str, Any](**event_frame(entry, audience)["data"]) for entry in log]
    return [data["change"] for data in told if "change" in data]


def told_to_customer(conversation: Conversation) -> list[tuple[str, str | None]]:
    return [
        (change["name"], change.get("joined", {}).get("name"))
        for change in changes(conversation, Audience.CUSTOMER)
    ]


@pytest.mark.parametrize("status", [Status.BOT, Status.OPEN])
def test_reply_takes_over_what_is_unassigned(
    conversation: Conversation, agent: Membership, status: Status
) -> None:
    Conversation.objects.update(status=status)
    message = reply(conversation, agent)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee_id) == (Status.OPEN, agent.user_id)
    assert conversation.last_seq == message.seq == 3
    [change] = changes(conversation, Audience.TEAM)
    assert change == {
        "name": "taken_over",
        "status": "open",
        "assignee": {"id": str(agent.user_id), "name": "Linh"},
        "joined": {"id": str(agent.user_id), "name": "Linh"},
    }


def test_further_replies_are_announced_as_messages_alone(
    conversation: Conversation, agent: Membership
) -> None:
    for text in ("Hello", "And more", "Hello"):
        reply(conversation, agent, text)
    conversation.refresh_from_db()
    assert len(changes(conversation, Audience.TEAM)) == 1
    assert conversation.last_seq == 4


def test_note_takes_nothing_over_and_joins_nobody(
    conversation: Conversation, agent: Membership
) -> None:
    reply(conversation, agent, "Look at this", kind="note")
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee_id) == (Status.BOT, None)
    assert changes(conversation, Audience.TEAM) == []


def test_supervisor_who_replies_in_anothers_conversation_does_not_take_it(
    conversation: Conversation, agent: Membership, owner: Membership
) -> None:
    reply(conversation, agent)
    reply(conversation, owner, "Let me add something")
    conversation.refresh_from_db()
    assert conversation.assignee_id == agent.user_id
    assert told_to_customer(conversation) == [("taken_over", "Linh"), ("joined", "Olga")]


def test_visitor_is_told_of_a_joining_only_when_that_person_writes(
    conversation: Conversation, agent: Membership, colleague: Membership
) -> None:
    take_over(**named(conversation), by=agent)
    assign(**named(conversation), assignee_id=colleague.user_id, by=agent)
    assert told_to_customer(conversation) == [("taken_over", None), ("assigned", None)]
    reply(conversation, colleague)
    reply(conversation, colleague, "And more")
    assert told_to_customer(conversation)[2:] == [("joined", "Marco")]


def test_whose_it_is_stays_inside_the_team(
    conversation: Conversation, agent: Membership, colleague: Membership
) -> None:
    assign(**named(conversation), assignee_id=colleague.user_id, by=agent)
    reply(conversation, agent)
    for change in changes(conversation, Audience.CUSTOMER):
        assert set(change) <= {"name", "status", "joined"}
        assert set(change.get("joined", {})) <= {"name"}


def test_people_join_again_after_the_bot_had_it_or_it_was_closed(
    conversation: Conversation, agent: Membership
) -> None:
    reply(conversation, agent, "one")
    return_to_bot(**named(conversation), by=agent)
    reply(conversation, agent, "two")
    close(**named(conversation), by=agent)
    reopen(**named(conversation), by=agent)
    reply(conversation, agent, "three")
    assert [name for name, joined in told_to_customer(conversation) if joined] == [
        "taken_over",
        "taken_over",
        "joined",
    ]


def test_reply_in_a_snoozed_conversation_leaves_it_asleep(
    conversation: Conversation, agent: Membership
) -> None:
    until = timezone.now() + timedelta(hours=1)
    snooze(**named(conversation), until=until, by=agent)
    reply(conversation, agent)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee_id) == (Status.SNOOZED, agent.user_id)


def test_reply_of_a_program_takes_nothing_over(
    conversation: Conversation, agent: Membership
) -> None:
    post_message(
        **named(conversation),
        sender=agent_sender(agent.user),
        content={"type": "text", "text": "Your parcel is on its way."},
        client_message_id="parcel",
    )
    conversation.refresh_from_db()
    assert conversation.assignee_id is None
    assert changes(conversation, Audience.TEAM) == []


def test_late_retry_of_a_reply_does_not_take_over_again(
    conversation: Conversation, agent: Membership
) -> None:
    first = reply(conversation, agent)
    assign(**named(conversation), assignee_id=None, by=agent)
    conversation.refresh_from_db()
    assert reply(conversation, agent) == first
    after = Conversation.objects.get(pk=conversation.pk)
    assert (after.assignee_id, after.last_seq) == (None, conversation.last_seq)


class Rolled(Exception):
    """Stands for a transaction that ends here."""


@pytest.mark.django_db(transaction=True)
def test_reply_rolled_back_after_the_log_took_it_is_finished_by_its_retry(
    conversation: Conversation,
    agent: Membership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def store_and_die(*args: Any, **kwargs: Any) -> None:
        append(*args, **kwargs)
        raise Rolled

    with monkeypatch.context() as patched:
        patched.setattr("chat.services.messages.append", store_and_die)
        with pytest.raises(Rolled):
            reply(conversation, agent)
    assert Conversation.objects.get(pk=conversation.pk).last_seq == 1
    message = reply(conversation, agent)
    conversation.refresh_from_db()
    assert message.seq == 3
    assert (conversation.status, conversation.assignee_id) == (Status.OPEN, agent.user_id)
    assert len(changes(conversation, Audience.TEAM)) == 1
    log = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    assert [entry.seq for entry in log] == [1, 2, 3]
    assert conversation.last_seq == 3
