"""Overdue side effects: their task was lost, or never queued."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from chat.models import Message
from chat.models.message import mongo_now
from chat.services.editing import finish_amendment
from chat.services.message_log import AMEND, ANSWER

BATCH = 500


def oldest_pending_age() -> float:
    """Return the age of the oldest pending side effect in seconds; 0 when there is none."""
    now = mongo_now()
    oldest = Message.objects.pending_since(now, limit=1)
    return (now - oldest[0].received_at).total_seconds() if oldest else 0.0


def pending_answers() -> list[Message]:
    """Return the questions that wait for the bot longer than a task should take, oldest first."""
    due = mongo_now() - timedelta(seconds=settings.SWEEP_AFTER_SECONDS)
    return Message.objects.pending_since(due, limit=BATCH, effect=ANSWER)


def pending_amendments() -> list[tuple[UUID, UUID, int]]:
    """Return (organization, conversation, seq) of edits and deletions that a crash left pending."""
    due = mongo_now() - timedelta(seconds=settings.SWEEP_AFTER_SECONDS)
    late = Message.objects.pending_since(due, limit=BATCH, effect=AMEND)
    return [(each.tenant_id, each.conversation_id, each.seq) for each in late]


def finish_pending_amendment(organization_id: UUID, conversation_id: UUID, seq: int) -> None:
    """Apply an edit or deletion that is still pending."""
    entry = Message.objects.numbered(organization_id, conversation_id, seq)
    if entry is not None and AMEND in entry.pending:
        finish_amendment(entry=entry)
