"""Records that apps share: stored responses of requests, and actions that can be undone."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7


class IdempotentRequest(models.Model):
    """A successful creating request, under the key that its sender chose.

    Written in the transaction of the created record. ``fingerprint`` is of the request's content,
    ``actor`` is the principal. Without an organization it is of the operator's admin, and only
    operators see it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+", null=True
    )
    actor = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    organization_id: UUID | None

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "actor", "key"],
                name="one_answer_per_idempotency_key",
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_requests_by_age")]

    def __str__(self) -> str:
        return f"{self.actor} · {self.created_at.isoformat()}"

    def is_kept(self, since: datetime) -> bool:
        return self.created_at >= since


class UndoableAction(models.Model):
    """A deletion, or an action on many rows, that can be undone.

    ``kind`` selects the handler that undoes it, ``data`` is its input. The user did it, or the API
    key ``key_id``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    key_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    organization_id: UUID
    user_id: UUID | None

    class Meta:
        verbose_name = _("undoable action")
        verbose_name_plural = _("undoable actions")
        indexes = [models.Index(fields=["created_at"], name="undoable_actions_by_age")]

    def __str__(self) -> str:
        return f"{self.kind} · {self.pk}"
