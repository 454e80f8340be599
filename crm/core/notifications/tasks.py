"""Celery tasks of notifications. Each is idempotent."""

from celery import shared_task

from crm.core import tenancy
from crm.core.notifications.services import purge_notifications


@shared_task(name="notifications.purge")
def purge() -> None:
    with tenancy.all_tenants("Old notifications of every organization are deleted."):
        purge_notifications()
