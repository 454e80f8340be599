"""Celery tasks of the core. Each is idempotent."""

from celery import shared_task

from crm.core import tenancy
from crm.core.idempotency import purge_idempotent_requests
from crm.core.undo.services import purge_undoable


@shared_task(name="core.purge_idempotent_requests")
def purge_answers() -> None:
    with tenancy.all_tenants("Old answers go in every organization."):
        purge_idempotent_requests()
        purge_undoable()
