"""Signal receivers; each only queues a task with ids."""

import logging
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from crm.billing.signals import quota_level_reached
from crm.billing.tasks import tell

logger = logging.getLogger(__name__)


@receiver(quota_level_reached, dispatch_uid="billing.tell_levels")
def tell_level(*, organization_id: UUID, **kwargs: Any) -> None:
    try:
        tell.delay(str(organization_id))
    except OperationalError:
        logger.warning("A quota's level is told by the sweep: Redis does not answer.")
