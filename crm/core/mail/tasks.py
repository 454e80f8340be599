"""Celery tasks of mail. Each is idempotent."""

from uuid import UUID

from celery import shared_task

from crm.core.mail.services import deliver_mail, late_mails, purge_mails
from crm.core.recovery import register_sweep


@shared_task(name="mail.deliver")
def deliver(mail_id: str) -> None:
    deliver_mail(mail_id=UUID(mail_id))


register_sweep(deliver, late_mails)


@shared_task(name="mail.purge")
def purge() -> None:
    purge_mails()
