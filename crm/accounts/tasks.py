"""Services, later. Each may run twice."""

from celery import shared_task

from crm.accounts.services.idempotency import purge_idempotent_requests
from crm.accounts.services.sign_up import purge_unconfirmed


@shared_task(name="accounts.purge_unverified")
def purge_unverified() -> None:
    purge_unconfirmed()


@shared_task(name="accounts.purge_idempotent_requests")
def purge_answers() -> None:
    purge_idempotent_requests()
