"""Services, later. Each may run twice."""

from celery import shared_task

from crm.accounts.services.sign_up import purge_unconfirmed


@shared_task(name="accounts.purge_unverified")
def purge_unverified() -> None:
    purge_unconfirmed()
