"""Queue, deliver, retry and purge emails.

An email is stored in the transaction of its cause and sent by a task after the commit. It may be
delivered twice (a process that dies between the server's acceptance and our commit), then with the
same Message-ID; it is never lost.
"""

import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from crm.core.database.locks import lock_until_commit
from crm.core.http.public_address import at_public_origin
from crm.core.mail.models import Mail
from crm.core.mail.signals import mail_queued
from crm.core.text.addresses import ascii_email

logger = logging.getLogger(__name__)

# Longer than a server may take to answer; then somebody else may try.
LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 9
FIRST_PAUSE = timedelta(seconds=30)
KEPT = timedelta(days=30)
SWEEP_BATCH = 200


@dataclass(frozen=True, slots=True)
class Email:
    """The content of an email: plain paragraphs, at most one link, and a footer."""

    subject: str
    paragraphs: tuple[str, ...]
    action_label: str = ""
    action_url: str = ""
    small_print: tuple[str, ...] = ()


@transaction.atomic
def queue_mail(*, kind: str, to: str, language_code: str, compose: Callable[[], Email]) -> Mail:
    """Store an email in the recipient's language and queue its delivery after the commit.

    Its link leads to the public address, whatever host the request named.
    """
    with translation.override(language_code):
        email = compose()
        email = replace(email, action_url=at_public_origin(email.action_url))
        context = {"email": email, "language_code": language_code}
        mail = Mail.objects.create(
            kind=kind,
            to=to,
            language_code=language_code,
            # One line: what people call their organization ends up in it.
            subject=" ".join(email.subject.split())[:255],
            text=render_to_string("mail/email.txt", context),
            html=render_to_string("mail/email.html", context),
            due_at=timezone.now(),
        )
    transaction.on_commit(
        lambda: mail_queued.send_robust(sender=Mail, mail_id=mail.pk), robust=True
    )
    return mail


@transaction.atomic
def queue_mail_once(
    *, kind: str, to: str, language_code: str, compose: Callable[[], Email], pause: timedelta
) -> None:
    """Do what ``queue_mail`` does, unless such an email went to this address within ``pause``.

    Concurrent calls are serialized: a form sent twice queues one email.
    """
    lock_until_commit("mail", kind, to)
    since = timezone.now() - pause
    if not Mail.objects.filter(kind=kind, to=to, created_at__gt=since).exists():
        queue_mail(kind=kind, to=to, language_code=language_code, compose=compose)


def deliver_mail(*, mail_id: UUID) -> bool:
    """Send a due email once. Return whether it was sent now."""
    if not Mail.objects.claim(mail_id, timezone.now(), lease=LEASE):
        return False
    mail = Mail.objects.get(pk=mail_id)
    if settings.MAIL_OUTBOX:
        _mark_sent(mail, keeps_text=True)
        return True
    try:
        _message(mail).send()
    except (smtplib.SMTPException, AnymailError, OSError) as error:
        _record_failure(mail, error)
        return False
    _mark_sent(mail, keeps_text=False)
    return True


def late_mails() -> list[UUID]:
    """Return the ids of emails whose task was lost or whose retry is due."""
    horizon = timezone.now() - timedelta(seconds=settings.SWEEP_AFTER_SECONDS)
    late = Mail.objects.due(horizon).order_by("due_at")
    return list(late.values_list("pk", flat=True)[:SWEEP_BATCH])


def purge_mails() -> int:
    """Delete emails that were finished longer than KEPT ago. Return the number of rows."""
    count, _each = Mail.objects.over_since(timezone.now() - KEPT).delete()
    return count


def _message(mail: Mail) -> EmailMultiAlternatives:
    sender = settings.DEFAULT_FROM_EMAIL
    domain = sender.rpartition("@")[2].strip("> ") or "localhost"
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        sender,
        [ascii_email(mail.to)],
        headers={"Message-ID": f"<{mail.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(mail.html, "text/html")
    return message


def _mark_sent(mail: Mail, *, keeps_text: bool) -> None:
    mail.sent_at = timezone.now()
    fields = ["sent_at"]
    if not keeps_text:
        mail.subject = mail.text = mail.html = ""
        fields += ["subject", "text", "html"]
    mail.save(update_fields=fields)


def _record_failure(mail: Mail, error: Exception) -> None:
    is_final = _is_final(error) or mail.attempts >= MAX_ATTEMPTS
    if is_final:
        mail.given_up_at = timezone.now()
        mail.subject = mail.text = mail.html = ""
        mail.save(update_fields=["given_up_at", "subject", "text", "html"])
    else:
        mail.due_at = timezone.now() + FIRST_PAUSE * 2 ** (mail.attempts - 1)
        mail.save(update_fields=["due_at"])
    # Never the error's text: servers quote addresses.
    logger.log(
        logging.ERROR if is_final else logging.WARNING,
        "An email was given up." if is_final else "An email could not be sent; it is tried again.",
        extra={
            "metadata": {
                "action": "mail.deliver",
                "mail": str(mail.pk),
                "kind": mail.kind,
                "attempts": mail.attempts,
                "error": type(error).__name__,
            }
        },
    )


def _is_final(error: Exception) -> bool:
    """Return whether a retry would fail in the same way."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _words in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        is_about_us = isinstance(error, smtplib.SMTPAuthenticationError)
        return 500 <= error.smtp_code < 600 and not is_about_us
    return isinstance(error, AnymailRecipientsRefused | AnymailInvalidAddress)
