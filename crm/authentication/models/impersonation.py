"""Impersonation of members by operators."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.text.fields import ShortProseField
from crm.organizations.models.organization import Organization
from crm.organizations.models.user import User


class ImpersonationEndReason(models.TextChoices):
    """Why the impersonation ended."""

    STOPPED = "stopped", _("Stopped")
    LAPSED = "lapsed", _("The time was over")
    LOGGED_OUT = "logged_out", _("The operator's session ended")
    NOT_ALLOWED = "not_allowed", _("No longer allowed")


class ImpersonationQuerySet(models.QuerySet["Impersonation"]):
    def unended(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def live(self, now: datetime | None = None) -> Self:
        return self.unended().filter(ends_at__gt=now or timezone.now())

    def newest_first(self) -> Self:
        return self.order_by("-started_at", "-id")


class Impersonation(models.Model):
    """One operator in one session as one member of one organization, with a reason.

    ``login`` is the operator's `UserSession`; sockets are identified by this row's own id. Without
    ``may_change`` the impersonation is read-only; the organization sees the row in its audit.
    """

    # The operator's own, before it is known in which organization they look around.
    person_field: ClassVar[str] = "operator"
    person_changes: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    operator = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("operator")
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("as whom")
    )
    login = models.UUIDField(editable=False)
    reason = ShortProseField(_("reason"), max_length=500)
    may_change = models.BooleanField(_("may change things"), default=False)
    started_at = models.DateTimeField(_("began"), default=timezone.now, editable=False)
    ends_at = models.DateTimeField(_("over at the latest"), editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    ended_because = models.CharField(
        _("why it ended"), max_length=20, choices=ImpersonationEndReason, blank=True, editable=False
    )

    objects: ClassVar[ImpersonationQuerySet] = ImpersonationQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    operator_id: UUID
    user_id: UUID

    class Meta:
        verbose_name = _("impersonation")
        verbose_name_plural = _("impersonations")
        indexes = [
            models.Index(fields=["-started_at"], name="impersonations_newest_first"),
            models.Index(
                fields=["login"],
                condition=models.Q(ended_at__isnull=True),
                name="live_impersonations_of_a_login",
            ),
            models.Index(
                fields=["ends_at"],
                condition=models.Q(ended_at__isnull=True),
                name="impersonations_to_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator_id} · {self.user_id}"

    def is_live(self, now: datetime) -> bool:
        return self.ended_at is None and self.ends_at > now
