"""The customer's conversations in the customer's timeline."""

from django.urls import reverse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from chat.models import Conversation
from crm.core.permissions import Module
from crm.core.records.timeline import Asked, Entry, Source, register_source

CONVERSATIONS = "conversations"


def conversations_of(asked: Asked) -> list[Entry]:
    """Return when each conversation began that the reader may see; none without the inbox."""
    if not asked.reader.may(Module.INBOX):
        return []
    rows = Conversation.objects.visible_to(asked.reader).of_customer(
        organization_id=asked.reader.organization_id, customer_id=asked.row.pk
    )
    found = asked.newest(rows, CONVERSATIONS, at="created_at")
    return [
        Entry(
            kind=CONVERSATIONS,
            id=each.pk,
            at=each.created_at,
            title=pgettext("timeline", "Conversation began"),
            icon="messages",
            text=_last_text(each),
            url=reverse("chat:inbox_conversation", args=[each.pk]),
        )
        for each in found
    ]


def _last_text(conversation: Conversation) -> str:
    if conversation.last_message.get("is_deleted"):
        return gettext("Message deleted")
    return str(conversation.last_message.get("text", ""))[:160]


register_source(
    Source(
        key=CONVERSATIONS,
        label=_("Conversations"),
        read=conversations_of,
        slugs=("customers",),
        rank=30,
    )
)
