"""Recently deleted records, stored so that the deletion can be undone."""

from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.accounts.models.organization import Organization
from crm.core.ids import uuid7


class UndoableAction(models.Model):
    """One deletion; ``kind`` selects the handler that undoes it, ``data`` is its input."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    organization_id: UUID
    user_id: UUID

    class Meta:
        verbose_name = _("undoable action")
        verbose_name_plural = _("undoable actions")
        indexes = [models.Index(fields=["created_at"], name="undoable_actions_by_age")]

    def __str__(self) -> str:
        return f"{self.kind} · {self.pk}"
