"""Celery tasks of chat. Each is idempotent."""

from typing import Any
from uuid import UUID

from celery import Task, current_app, shared_task
from django.conf import settings

from chat import bot
from chat.services import wake_snoozed
from chat.services.alerts import purge_alert_emails, send_alert_emails, unalerted
from chat.services.reassignment import left_behind, reassign
from chat.services.recovery import (
    finish_pending_amendment,
    pending_amendments,
    pending_answers,
)
from chat.services.storage_usage import measure_conversations
from chat.services.visitors import purge_visits
from crm.core import tenancy
from crm.core.errors import StoreUnavailable
from crm.core.recovery import register_sweep
from crm.core.store_errors import outage_refusals

# With pauses of 1, 2 and 4 seconds between.
BOT_RETRIES = 3
# The next sweeps ask again: a queue that is long must not grow by what they asked before.
ALERT_EXPIRES_SECONDS = 300


@shared_task(bind=True, name="chat.answer_with_bot", max_retries=BOT_RETRIES)
def answer_with_bot(
    self: "Task[[str, str, int], None]", organization_id: str, conversation_id: str, seq: int
) -> None:
    organization, conversation = UUID(organization_id), UUID(conversation_id)
    with tenancy.organization(organization):
        try:
            with outage_refusals():
                bot.answer(organization_id=organization, conversation_id=conversation, seq=seq)
        except StoreUnavailable as error:
            if self.request.retries < BOT_RETRIES:
                raise self.retry(exc=error, countdown=2**self.request.retries) from error
            # Somebody waits: people answer. Where even this store is away, the sweeper comes back.
            bot.give_up(organization_id=organization, conversation_id=conversation, seq=seq)


def _late_answers() -> list[tuple[UUID, UUID, int]]:
    """Return the questions that wait for the bot longer than a task should take.

    Questions that are late because the queue is long are not lost: queueing them again at every
    sweep would overload the queue.
    """
    late = [(each.tenant_id, each.conversation_id, each.seq) for each in pending_answers()]
    return late if late and _waiting_answers() < len(late) else []


def _waiting_answers() -> int:
    queue = settings.CELERY_TASK_ROUTES[answer_with_bot.name]["queue"]
    with current_app.connection_for_write() as connection:
        # celery-types knows no more of a channel than the transports have in common.
        channel: Any = connection.default_channel
        return int(channel.queue_declare(queue=queue).message_count)


register_sweep(answer_with_bot, _late_answers)


@shared_task(name="chat.finish_amendment")
def finish_late_amendment(organization_id: str, conversation_id: str, seq: int) -> None:
    with tenancy.organization(UUID(organization_id)):
        finish_pending_amendment(UUID(organization_id), UUID(conversation_id), seq)


register_sweep(finish_late_amendment, pending_amendments)


@shared_task(name="chat.reassign")
def reassign_conversations(organization_id: str, user_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        has_more = reassign(organization_id=UUID(organization_id), user_id=UUID(user_id))
    if has_more:
        # Long ones go on in a task of their own, so that others have their turn.
        reassign_conversations.delay(organization_id, user_id)


# Of members who were deactivated, and whose signal was lost.
register_sweep(reassign_conversations, left_behind, every=300)


@shared_task(name="chat.wake_snoozed")
def wake_snoozed_conversations() -> None:
    with tenancy.all_tenants("Snoozes end in every organization."):
        wake_snoozed()


@shared_task(name="chat.purge_visits")
def purge_expired_visits() -> None:
    with tenancy.all_tenants("Visitors' tokens expire in every organization."):
        purge_visits()


@shared_task(name="chat.measure_conversations")
def measure() -> None:
    measure_conversations()


@shared_task(name="chat.send_alert_email", expires=ALERT_EXPIRES_SECONDS)
def send_email_about_waiting(organization_id: str, user_id: str) -> None:
    """Notify a member by email of customers who wait for a reply that they have not seen."""
    with tenancy.organization(UUID(organization_id)):
        send_alert_emails(organization_id=UUID(organization_id), user_id=UUID(user_id))


# In a task for each member: where one fails, the others are told.
register_sweep(send_email_about_waiting, unalerted, every=30)


@shared_task(name="chat.purge_alert_emails")
def purge_emails_about_waiting() -> None:
    with tenancy.all_tenants("What was sent long ago is dropped everywhere."):
        purge_alert_emails()
