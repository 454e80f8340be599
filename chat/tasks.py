"""Celery tasks of chat. Each is idempotent."""

from typing import Any
from uuid import UUID

from celery import Task, current_app, shared_task
from django.conf import settings

from chat import bot
from chat.services import wake_snoozed
from chat.services.alerts import purge_alert_emails, send_alert_emails, unalerted
from chat.services.reassignment import left_behind, reassign
from chat.services.recovery import mend_amendments, pending_answers
from chat.services.storage_usage import measure_conversations
from chat.services.visitors import purge_visits
from crm.core import tenancy
from crm.core.errors import StoreUnavailable
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


@shared_task(name="chat.sweep_pending")
def sweep_pending() -> None:
    """Queue the tasks that a crash lost between a commit and its task.

    Questions that are late because the queue is long are not lost: queueing them again at every
    sweep would overload the queue.
    """
    mend_amendments()
    late = pending_answers()
    if late and _waiting_answers() < len(late):
        for message in late:
            answer_with_bot.delay(str(message.tenant_id), str(message.conversation_id), message.seq)


def _waiting_answers() -> int:
    queue = settings.CELERY_TASK_ROUTES[answer_with_bot.name]["queue"]
    with current_app.connection_for_write() as connection:
        # celery-types knows no more of a channel than the transports have in common.
        channel: Any = connection.default_channel
        return int(channel.queue_declare(queue=queue).message_count)


@shared_task(name="chat.reassign")
def reassign_conversations(organization_id: str, user_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        has_more = reassign(organization_id=UUID(organization_id), user_id=UUID(user_id))
    if has_more:
        # Long ones go on in a task of their own, so that others have their turn.
        reassign_conversations.delay(organization_id, user_id)


@shared_task(name="chat.sweep_left_behind")
def sweep_left_behind() -> None:
    """Reassign conversations of deactivated members whose signal was lost."""
    with tenancy.all_tenants("People leave every organization."):
        late = left_behind()
    for organization_id, user_id in late:
        reassign_conversations.delay(str(organization_id), str(user_id))


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


@shared_task(name="chat.send_alert_emails")
def send_emails_about_waiting() -> None:
    """Notify members by email of customers who wait for a reply that they have not seen."""
    with tenancy.all_tenants("Customers wait in every organization."):
        late = unalerted()
    for organization_id, user_id in late:
        # Each in a task of its own: where one fails, the others are told.
        send_email_about_waiting.delay(str(organization_id), str(user_id))


@shared_task(name="chat.send_alert_email", expires=ALERT_EXPIRES_SECONDS)
def send_email_about_waiting(organization_id: str, user_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        send_alert_emails(organization_id=UUID(organization_id), user_id=UUID(user_id))


@shared_task(name="chat.purge_alert_emails")
def purge_emails_about_waiting() -> None:
    with tenancy.all_tenants("What was sent long ago is dropped everywhere."):
        purge_alert_emails()
