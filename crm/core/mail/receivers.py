"""Signal receivers; each only queues a task with ids."""

import logging
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from crm.core.mail.signals import mail_queued
from crm.core.mail.tasks import deliver

logger = logging.getLogger(__name__)


@receiver(mail_queued, dispatch_uid="mail.start_delivery")
def start_delivery(*, mail_id: UUID, **kwargs: Any) -> None:
    try:
        deliver.delay(str(mail_id))
    except OperationalError:
        logger.warning("An email was not queued: Redis does not answer. The sweeper sends it.")
