"""Who reacts to what; each only queues a task with ids."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from chat.services.log import ANSWER
from chat.signals import message_posted
from chat.tasks import answer_with_bot


@receiver(message_posted, dispatch_uid="chat.start_answer")
def start_answer(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    seq: int,
    pending: tuple[str, ...],
    **kwargs: Any,
) -> None:
    if ANSWER in pending:
        answer_with_bot.delay(str(organization_id), str(conversation_id), seq)
