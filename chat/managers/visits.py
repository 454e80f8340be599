"""Querysets of visitor tokens."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone

from crm.organizations.models.membership import admits

if TYPE_CHECKING:
    from chat.models.widget import VisitorToken


class VisitorTokenQuerySet(models.QuerySet["VisitorToken"]):
    def live(self, now: datetime | None = None) -> Self:
        """Return the tokens that are valid at ``now``.

        The token of an identified visitor is valid as long as the secret that verified them.
        """
        is_anonymous = models.Q(customer__external_id="")
        is_proved = models.Q(secret__isnull=False, secret__revoked_at__isnull=True)
        return self.filter(
            admits(models.F("created_at"), "organization__"),
            is_anonymous | is_proved,
            expires_at__gt=now or timezone.now(),
            widget__is_active=True,
            widget__paused_at__isnull=True,
            organization__is_active=True,
        )
