"""How a site proves to us who its visitor is."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.widget import Widget
from config.ids import uuid7
from crm.accounts.models import Organization, User


class IdentitySecret(models.Model):
    """A secret that a site signs its visitors' identities with; ``kid`` names it in a token.

    Several may be alive, so that a site can change its secret without a gap. Kept sealed: unlike a
    password it must be read to check a signature.
    """

    organization_doors: ClassVar[tuple[str, ...]] = ("kid",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="identity_secrets")
    kid = models.CharField(max_length=16, unique=True, editable=False)
    sealed = models.TextField(editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    organization_id: UUID
    widget_id: UUID

    class Meta:
        verbose_name = _("identity secret")
        verbose_name_plural = _("identity secrets")

    def __str__(self) -> str:
        return self.kid
