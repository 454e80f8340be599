"""Services, later. Each may run twice."""

from uuid import UUID

from celery import shared_task

from chat import bot
from chat.services import wake_snoozed
from chat.services.sweeping import pending_answers
from config.errors import StoreUnavailable


@shared_task(
    name="chat.answer_with_bot",
    autoretry_for=(StoreUnavailable,),
    retry_backoff=True,
    max_retries=5,
)
def answer_with_bot(organization_id: str, conversation_id: str, seq: int) -> None:
    bot.answer(
        organization_id=UUID(organization_id), conversation_id=UUID(conversation_id), seq=seq
    )


@shared_task(name="chat.sweep_pending")
def sweep_pending() -> None:
    """Start what a crash left behind between a commit and its task."""
    for message in pending_answers():
        answer_with_bot.delay(
            str(message.tenant_id), str(message.conversation_id), message.seq
        )


@shared_task(name="chat.wake_snoozed")
def wake_snoozed_conversations() -> None:
    wake_snoozed()
