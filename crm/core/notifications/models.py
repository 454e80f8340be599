"""Notifications and their settings; each is of one member."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.permissions import Principal
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, principal: Principal) -> Self:
        """Return the principal's own notifications; an API key has none."""
        if principal.user_id is None:
            return self.none()
        return self.filter(
            organization_id=principal.organization_id, user_id=principal.user_id, is_shown=True
        )

    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """What a member was told: a fact of a ``kind``, once for each ``key``.

    ``subject`` and ``subject_id`` name what it is about, e.g. a record and its row; how that is
    called is looked up when it is shown, by what the reader may see then. ``actor_name`` is who did
    it. ``is_shown`` is False for a member who wants this kind by email alone; ``is_emailed`` says
    whether an email was queued.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    subject = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    part_id = models.UUIDField(null=True)
    actor_name = LineField(max_length=255, blank=True)
    is_shown = models.BooleanField(default=True)
    is_emailed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    objects: ClassVar[NotificationQuerySet] = NotificationQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    user_id: UUID

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user", "kind", "key"], name="one_notification_per_fact"
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "user", "-created_at", "-id"],
                name="notifications_of_member",
            ),
            models.Index(
                fields=["organization", "user"],
                name="notifications_unread",
                condition=models.Q(read_at__isnull=True, is_shown=True),
            ),
            models.Index(fields=["created_at"], name="notifications_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.key}"


class NotificationSettings(VersionedModel):
    """What a member chose: kinds that are not shown, and kinds that are emailed or are not.

    Kinds that are in neither list of emails are as they are declared.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hidden = ArrayField(models.CharField(max_length=40), default=list)
    emailed = ArrayField(models.CharField(max_length=40), default=list)
    not_emailed = ArrayField(models.CharField(max_length=40), default=list)

    objects: ClassVar[Any] = models.Manager()

    class Meta:
        verbose_name = _("notification settings")
        verbose_name_plural = _("notification settings")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_notification_settings_per_member"
            )
        ]

    def __str__(self) -> str:
        return str(self.user_id)
