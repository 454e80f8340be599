"""Addresses and helpers of the tests of the inbox API."""

from typing import Any

from django.urls import reverse

from chat.models import Conversation, Widget
from chat.services import (
    escalate,
)
from crm.customers.models import Customer
from tests.conftest import make_conversation

LIST = reverse("chat:inbox_conversations")
COUNTS = reverse("chat:inbox_counts")
MAX_QUERIES = 6


def many(organization: Any, widget: Widget, number: int) -> list[Conversation]:
    made = []
    for each in range(number):
        customer = Customer.objects.create(organization=organization, name=f"Customer {each}")
        conversation = make_conversation(customer, widget, f"first-{each}")
        escalate(organization_id=organization.pk, conversation_id=conversation.pk, reason="asked")
        made.append(conversation)
    return made


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["rows"]]
