"""Notification settings of members, and the emails they were sent about waiting customers."""

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.conversation import Conversation
from crm.core.ids import uuid7
from crm.core.versions import VersionedModel
from crm.organizations.models import Organization, User


class AlertSettings(VersionedModel):
    """Notification settings of one member in one organization; without a row the defaults apply."""

    DELAYS = (2, 5, 10, 30, 60)
    DEFAULT_DELAY = 5

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    sound = models.BooleanField(_("sound"), default=True)
    desktop = models.BooleanField(_("desktop notifications"), default=False)
    email = models.BooleanField(_("email"), default=True)
    email_after_minutes = models.PositiveSmallIntegerField(_("email after"), default=DEFAULT_DELAY)

    organization_id: UUID
    user_id: UUID

    class Meta:
        verbose_name = _("notification settings")
        verbose_name_plural = _("notification settings")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_alert_settings_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.organization_id}"

    @property
    def email_after(self) -> timedelta:
        return timedelta(minutes=self.email_after_minutes)


class AlertEmail(models.Model):
    """An email to one member about one wait of a customer: stored before it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    waiting_since = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("email about a waiting customer")
        verbose_name_plural = _("emails about waiting customers")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "user", "waiting_since"], name="one_email_per_wait"
            )
        ]
        indexes = [
            models.Index(fields=["organization", "user", "-created_at"], name="alerts_of_person"),
            models.Index(fields=["created_at"], name="alerts_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} · {self.user_id}"
