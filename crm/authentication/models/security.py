"""Log-in rules of an organization."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.versions import VersionedModel
from crm.organizations.models.organization import Organization

DEFAULT_SESSION_HOURS = 14 * 24
DEFAULT_IDLE_MINUTES = 7 * 24 * 60
LONGEST_SESSION_HOURS = 30 * 24
SHORTEST_IDLE_MINUTES = 5
LONGEST_IDLE_MINUTES = LONGEST_SESSION_HOURS * 60
# The last use is noted once a minute; nobody is sent out for what was not noted.
USE_NOTED_EVERY = timedelta(minutes=1)


class SecuritySettings(VersionedModel):
    """Log-in rules; an organization without a row has the defaults."""

    # They decide whether a session still counts, before it is known for which organization.
    seen_by_members: ClassVar[bool] = True

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="security"
    )
    session_hours = models.PositiveIntegerField(
        _("log in again after, hours"),
        default=DEFAULT_SESSION_HOURS,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_SESSION_HOURS)],
    )
    idle_minutes = models.PositiveIntegerField(
        _("log out when idle for, minutes"),
        default=DEFAULT_IDLE_MINUTES,
        validators=[
            MinValueValidator(SHORTEST_IDLE_MINUTES),
            MaxValueValidator(LONGEST_IDLE_MINUTES),
        ],
    )
    updated_at = models.DateTimeField(auto_now=True)

    organization_id: UUID

    class Meta:
        verbose_name = _("security settings")
        verbose_name_plural = _("security settings")

    def __str__(self) -> str:
        return str(self.organization_id)

    def end_of(self, *, created_at: datetime, last_used_at: datetime) -> datetime:
        """Return when a session of this age and last use expires."""
        return min(
            created_at + timedelta(hours=self.session_hours),
            last_used_at + timedelta(minutes=self.idle_minutes) + USE_NOTED_EVERY,
        )
