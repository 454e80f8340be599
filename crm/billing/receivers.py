"""Signal receivers: levels are told by a task with ids, jobs are counted where they start."""

import logging
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from crm.billing.metrics import Metric
from crm.billing.services.metering import consume
from crm.billing.signals import quota_level_reached
from crm.billing.tasks import notify_levels
from crm.core.jobs.kinds import find_kind
from crm.core.jobs.models import Job
from crm.core.jobs.signals import job_event

logger = logging.getLogger(__name__)


@receiver(quota_level_reached, dispatch_uid="billing.notify_levels")
def notify_quota_level(*, organization_id: UUID, **kwargs: Any) -> None:
    try:
        notify_levels.delay(str(organization_id))
    except OperationalError:
        logger.warning("A quota's level is told by the sweep: Redis does not answer.")


@receiver(job_event, dispatch_uid="billing.count_jobs")
def count_job(*, job: Job, event: str, **kwargs: Any) -> None:
    """Count a job in the transaction that stores it. Raise QuotaExceeded."""
    kind = find_kind(job.kind)
    if event == "started" and kind is not None and kind.is_counted:
        consume(
            organization_id=job.organization_id,
            metric=Metric.BACKGROUND_TASKS,
            key=f"job/{job.pk}",
        )
