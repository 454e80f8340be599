"""Background work of the installation itself."""

from celery import shared_task

from crm.operations import canary


@shared_task(name="operations.canary", acks_late=False, expires=canary.STALE_SECONDS)
def note_canary(queue: str) -> None:
    canary.note_seen(queue=queue)
