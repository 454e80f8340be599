"""Services, later. Each may run twice."""

from uuid import UUID

from celery import Task, shared_task

from chat import bot
from chat.services import wake_snoozed
from chat.services.sweeping import pending_answers
from config.errors import StoreUnavailable
from config.outages import outage_refusals

# With pauses of 1, 2 and 4 seconds between.
BOT_RETRIES = 3


@shared_task(bind=True, name="chat.answer_with_bot", max_retries=BOT_RETRIES)
def answer_with_bot(
    self: "Task[[str, str, int], None]", organization_id: str, conversation_id: str, seq: int
) -> None:
    ids = {
        "organization_id": UUID(organization_id),
        "conversation_id": UUID(conversation_id),
        "seq": seq,
    }
    try:
        with outage_refusals():
            bot.answer(**ids)
    except StoreUnavailable as error:
        if self.request.retries < BOT_RETRIES:
            raise self.retry(exc=error, countdown=2**self.request.retries) from error
        # Somebody waits: people answer. Where even this store is away, the sweeper comes back.
        bot.give_up(**ids)


@shared_task(name="chat.sweep_pending")
def sweep_pending() -> None:
    """Start what a crash left behind between a commit and its task."""
    for message in pending_answers():
        answer_with_bot.delay(str(message.tenant_id), str(message.conversation_id), message.seq)


@shared_task(name="chat.wake_snoozed")
def wake_snoozed_conversations() -> None:
    wake_snoozed()
