"""Celery tasks of transfer. Each is idempotent."""

from celery import shared_task

from crm.core import tenancy
from crm.core.transfer.importing import purge_imports


@shared_task(name="transfer.purge")
def purge() -> None:
    with tenancy.all_tenants("Old imports of every organization are deleted."):
        purge_imports()
