"""Signal receivers; each only queues a task with ids, or closes sockets."""

import logging
from typing import Any
from uuid import UUID

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from chat.events import widget_group
from chat.models import Widget
from chat.services.message_log import ANSWER
from chat.signals import message_posted
from chat.tasks import answer_with_bot, reassign_conversations
from crm.core import realtime, redis_circuit_breaker
from crm.customers.models import Customer
from crm.organizations.signals import member_left

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
    if ANSWER in pending and redis_circuit_breaker.answers():
        try:
            answer_with_bot.delay(str(organization_id), str(conversation_id), seq)
        except OperationalError:
            logger.warning(
                "An answer was not queued: Redis does not answer. The sweeper starts it."
            )


@receiver(post_save, sender=Widget, dispatch_uid="chat.pause_visits")
def pause_visits(*, instance: Widget, created: bool, **kwargs: Any) -> None:
    if not created and not instance.is_active:
        realtime.kick(widget_group(instance.pk))


@receiver(post_delete, sender=Widget, dispatch_uid="chat.end_visits_of_widget")
def end_visits_of_widget(*, instance: Widget, **kwargs: Any) -> None:
    realtime.kick(widget_group(instance.pk))


@receiver(post_delete, sender=Customer, dispatch_uid="chat.end_visits_of_customer")
def end_visits_of_customer(*, instance: Customer, **kwargs: Any) -> None:
    realtime.kick(realtime.visitor_group(instance.pk))


@receiver(member_left, dispatch_uid="chat.reassign")
def start_reassignment(*, organization_id: UUID, user_id: UUID, **kwargs: Any) -> None:
    try:
        reassign_conversations.delay(str(organization_id), str(user_id))
    except OperationalError:
        logger.warning("Conversations were not handed over: Redis does not answer. The sweep does.")
