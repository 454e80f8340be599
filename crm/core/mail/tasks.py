"""Celery tasks of mail. Each is idempotent."""

from uuid import UUID

from celery import shared_task

from crm.core.mail.services import deliver_mail, late_mails, purge_mails


@shared_task(name="mail.deliver")
def deliver(mail_id: str) -> None:
    deliver_mail(mail_id=UUID(mail_id))


@shared_task(name="mail.sweep")
def sweep() -> None:
    """Queue deliveries that a crash lost, and those due for a retry."""
    for mail_id in late_mails():
        deliver.delay(str(mail_id))


@shared_task(name="mail.purge")
def purge() -> None:
    purge_mails()
