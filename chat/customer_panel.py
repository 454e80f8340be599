"""The customer's conversations on the customer's page."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from chat.models import Conversation
from crm.accounts.permissions import Module, Principal
from crm.core.records import Panel, register_panel
from crm.customers.models import Customer

SHOWN = 20


def conversations_of(reader: Principal, customer: Customer) -> Mapping[str, Any] | None:
    """Return the newest conversations that the reader may see; None without the inbox."""
    if not reader.may(Module.INBOX):
        return None
    visible = Conversation.objects.visible_to(reader).of_customer(
        organization_id=reader.organization_id, customer_id=customer.pk
    )
    rows = list(visible.select_related("assignee").order_by("-id")[: SHOWN + 1])
    return {"conversations": rows[:SHOWN], "has_more": len(rows) > SHOWN}


register_panel(
    Panel(
        slug="customers",
        key="conversations",
        label=_("Conversations"),
        template="chat/_customer_conversations.html",
        context=conversations_of,
        rank=10,
    )
)
