"""Since when a customer waits: what the inbox sorts people's minds by."""

import pytest

from chat.models import Conversation, Message, Sender, SenderType
from chat.services import close, escalate, post_message, reconcile
from chat.services.conversations import agent_sender, customer_sender
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db
BOT = Sender(type=SenderType.BOT, id="bot", name="Assistant")


def say(conversation: Conversation, sender: Sender, key: str, kind: str = "text") -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=sender,
        content={"type": kind, "text": key},
        client_message_id=key.replace(" ", "-"),
    )


def waiting_since(conversation: Conversation):
    conversation.refresh_from_db()
    return conversation.waiting_since


def test_the_first_unanswered_message_counts(conversation: Conversation, agent: Membership):
    first = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    say(conversation, customer_sender(conversation.customer), "more")
    say(conversation, agent_sender(agent.user), "a note", kind="note")
    assert first is not None
    assert waiting_since(conversation) == first.timestamp
    say(conversation, agent_sender(agent.user), "an answer")
    assert waiting_since(conversation) is None


def test_a_customer_handed_to_people_waits_whatever_the_bot_said(conversation: Conversation):
    say(conversation, BOT, "A colleague will answer")
    assert waiting_since(conversation) is None
    escalate(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        reason="asked",
    )
    escalated = Message.objects.numbered(conversation.organization_id, conversation.pk, 3)
    assert escalated is not None
    assert waiting_since(conversation) == escalated.timestamp


def test_a_closed_conversation_waits_for_nobody_and_can_be_derived_again(
    conversation: Conversation, agent: Membership
):
    close(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    assert waiting_since(conversation) is None
    Conversation.objects.update(last_seq=1)
    reconcile(repair=True)
    assert waiting_since(conversation) is None
