"""Overdue side effects: their task was lost, or never queued."""

from datetime import timedelta

from django.conf import settings

from chat.models import Message
from chat.models.message import mongo_now
from chat.services.editing import finish_amendment
from chat.services.message_log import AMEND, ANSWER
from crm.core import tenancy

BATCH = 500


def oldest_pending_age() -> float:
    """Return the age of the oldest pending side effect in seconds; 0 when there is none."""
    now = mongo_now()
    oldest = Message.objects.pending_since(now, limit=1)
    return (now - oldest[0].received_at).total_seconds() if oldest else 0.0


def pending_answers() -> list[Message]:
    """Return the questions that wait for the bot longer than a task should take, oldest first."""
    due = mongo_now() - timedelta(seconds=settings.CHAT_SWEEP_AFTER_SECONDS)
    return Message.objects.pending_since(due, limit=BATCH, effect=ANSWER)


def mend_amendments() -> int:
    """Apply edits and deletions that a crash left pending. Return their number."""
    due = mongo_now() - timedelta(seconds=settings.CHAT_SWEEP_AFTER_SECONDS)
    late = Message.objects.pending_since(due, limit=BATCH, effect=AMEND)
    for entry in late:
        with tenancy.organization(entry.tenant_id):
            finish_amendment(entry=entry)
    return len(late)
