"""Querysets of outgoing emails."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from crm.core.mail.models import Mail


class MailQuerySet(models.QuerySet["Mail"]):
    def waiting(self) -> Self:
        return self.filter(sent_at__isnull=True, given_up_at__isnull=True)

    def due(self, now: datetime) -> Self:
        return self.waiting().filter(due_at__lte=now)

    def over_since(self, moment: datetime) -> Self:
        """Return the emails that were sent or given up before that moment."""
        return self.filter(
            models.Q(sent_at__lt=moment) | models.Q(given_up_at__lt=moment),
        )

    def claim(self, mail_id: object, now: datetime, *, lease: timedelta) -> bool:
        """Claim one due email for the lease, so that no other worker sends it. Return whether it
        was claimed.
        """
        return bool(
            self.due(now)
            .filter(pk=mail_id)
            .update(due_at=now + lease, attempts=models.F("attempts") + 1)
        )
