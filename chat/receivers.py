"""Who reacts to what; each only queues a task with ids."""

import logging
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from chat.services.log import ANSWER
from chat.signals import message_posted
from chat.tasks import answer_with_bot, hand_over_conversations
from config import brief_redis
from crm.accounts.signals import member_left

logger = logging.getLogger(__name__)


@receiver(message_posted, dispatch_uid="chat.start_answer")
def start_answer(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    seq: int,
    pending: tuple[str, ...],
    **kwargs: Any,
) -> None:
    if ANSWER in pending and brief_redis.answers():
        try:
            answer_with_bot.delay(str(organization_id), str(conversation_id), seq)
        except OperationalError:
            logger.warning(
                "An answer was not queued: Redis does not answer. The sweeper starts it."
            )


@receiver(member_left, dispatch_uid="chat.hand_over")
def start_handing_over(*, organization_id: UUID, user_id: UUID, **kwargs: Any) -> None:
    try:
        hand_over_conversations.delay(str(organization_id), str(user_id))
    except OperationalError:
        logger.warning("Conversations were not handed over: Redis does not answer. The sweep does.")
