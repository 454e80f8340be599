"""Browser sessions, and an organization's rules of how long they last."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.versions import VersionedModel
from crm.organizations.models.organization import Organization
from crm.organizations.models.user import User

DEFAULT_SESSION_HOURS = 14 * 24
DEFAULT_IDLE_MINUTES = 7 * 24 * 60
MAX_SESSION_HOURS = 30 * 24
SHORTEST_IDLE_MINUTES = 5
MAX_IDLE_MINUTES = MAX_SESSION_HOURS * 60
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
        validators=[MinValueValidator(1), MaxValueValidator(MAX_SESSION_HOURS)],
    )
    idle_minutes = models.PositiveIntegerField(
        _("log out when idle for, minutes"),
        default=DEFAULT_IDLE_MINUTES,
        validators=[
            MinValueValidator(SHORTEST_IDLE_MINUTES),
            MaxValueValidator(MAX_IDLE_MINUTES),
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


class EndReason(models.TextChoices):
    """Why access ended; recorded in the audit."""

    LOGGED_OUT = "logged_out", _("Logged out")
    REVOKED = "revoked", _("Revoked")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    FACTORS_CHANGED = "factors_changed", _("Two-step verification changed")
    DEACTIVATED = "deactivated", _("Deactivated")
    LAPSED = "lapsed", _("Lapsed")
    REUSED = "reused", _("A used token was shown again")


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def live(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def with_rules(self) -> Self:
        """Load the security settings that determine the expiry."""
        return self.select_related("organization__security")

    def last_used_first(self) -> Self:
        return self.order_by("-last_used_at", "-id")


class UserSession(models.Model):
    """A log-in with a browser.

    It belongs to the user, not to an organization: ``organization`` is the one it runs as now,
    whose rules determine its expiry. ``key`` is a secret, stored as in Django's own table, to end
    the session there; sockets and caches use ``id``.
    """

    person_field: ClassVar[str] = "user"
    person_changes: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key = models.CharField(max_length=40, unique=True, editable=False)
    device = models.CharField(_("device"), max_length=100, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_because = models.CharField(max_length=20, choices=EndReason, blank=True, editable=False)

    objects: ClassVar[UserSessionQuerySet] = UserSessionQuerySet.as_manager()  # type: ignore[assignment]

    user_id: UUID
    organization_id: UUID | None

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [
            models.Index(
                fields=["user", "-last_used_at"],
                condition=models.Q(ended_at__isnull=True),
                name="live_sessions_of_a_person",
            ),
            models.Index(fields=["ended_at"], name="sessions_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.device}"

    def ends_at(self) -> datetime:
        """Return when it expires without further use, by the rules of its organization."""
        if self.ended_at is not None:
            return self.ended_at
        rules = getattr(self.organization, "security", None) or SecuritySettings()
        return rules.end_of(created_at=self.created_at, last_used_at=self.last_used_at)
