"""Celery tasks of the installation itself."""

from typing import Any

from celery import shared_task
from celery.signals import after_task_publish

from crm.core import stores
from crm.operations import canary


@shared_task(name="operations.canary", acks_late=False, expires=canary.STALE_SECONDS)
def record_canary(queue: str) -> None:
    canary.note_seen(stores.redis(), queue=queue)


@after_task_publish.connect(sender="operations.canary", dispatch_uid="operations.note_sent")
def count_canary_sent(**kwargs: Any) -> None:
    canary.note_sent(stores.redis())
