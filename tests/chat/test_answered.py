"""What an upgrade notes of conversations that the team had answered before."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from chat.models import Conversation, Sender, SenderType, Widget
from chat.services import close, hand_off, post_message
from chat.services.conversations import agent_sender
from crm.accounts.models import Membership, Organization
from crm.customers.models import Customer
from tests.conftest import make_conversation

pytestmark = pytest.mark.django_db
migration = import_module("chat.migrations.0010_note_what_the_team_answered")


@pytest.mark.parametrize(
    ("what", "answered"),
    [
        ("a reply", 1),
        ("a reply and a note", 1),
        ("closed", 1),
        ("a note", 0),
        ("a reply and more of the customer", 0),
        ("the bot", 0),
        ("handed over", 0),
    ],
)
def test_upgrade_notes_what_heads_tell_as_answered(
    organization: Organization, widget: Widget, agent: Membership, what: str, answered: int
) -> None:
    customer = Customer.objects.create(organization=organization, name="An")
    conversation = make_conversation(customer, widget)
    whose: dict[str, Any] = {
        "organization_id": organization.pk,
        "conversation_id": conversation.pk,
    }

    def say(sender: Sender, kind: str = "text", **more: Any) -> None:
        key = more.pop("key", f"{sender.type.value}-{kind}")
        content = {"type": kind, "text": "Words"}
        post_message(**whose, sender=sender, content=content, client_message_id=key, **more)

    if "a reply" in what:
        say(agent_sender(agent.user), by=agent)
    if "note" in what:
        say(agent_sender(agent.user), "note", by=agent)
    if "customer" in what:
        say(Sender(type=SenderType.CUSTOMER, id=str(customer.pk), name="An"))
    if what == "the bot":
        say(Sender(type=SenderType.BOT, id="bot", name="Bot"), key="bot-reply-to-1")
    if what == "handed over":
        hand_off(**whose, reason="asked")
    if what == "closed":
        close(**whose, by=agent)
    Conversation.objects.update(answered_inbound_total=0)
    for _again in range(2):
        migration.note_answers(apps, None)
        conversation.refresh_from_db()
        assert conversation.answered_inbound_total == answered
