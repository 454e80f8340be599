"""Secrets and uses of signed visitor identities."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.widget import VisitorToken, Widget
from crm.core.ids import uuid7
from crm.organizations.models import Organization, User


class IdentitySecret(models.Model):
    """A secret by which a site signs its visitors' identities; ``kid`` names it in a token.

    Several may be active, so that a site can rotate them without interruption. Stored encrypted:
    unlike a password it must be readable to verify a signature.
    """

    organization_lookups: ClassVar[tuple[str, ...]] = ("kid",)

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


class IdentityUse(models.Model):
    """A signed identity that a browser has used; no other browser can use it.

    Kept until the token expires. ``shown_with`` is the hash of the visitor token sent with it,
    ``token`` the one issued for it: the holder of either may use it again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="+")
    jti_hash = models.CharField(max_length=64, editable=False)
    shown_with = models.CharField(max_length=64, blank=True, editable=False)
    token = models.ForeignKey(VisitorToken, on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(editable=False)

    organization_id: UUID
    widget_id: UUID
    token_id: UUID | None

    class Meta:
        verbose_name = _("used proof of identity")
        verbose_name_plural = _("used proofs of identity")
        constraints = [
            models.UniqueConstraint(fields=["widget", "jti_hash"], name="one_use_per_proof")
        ]
        indexes = [models.Index(fields=["expires_at"], name="identity_uses_by_expiry")]

    def __str__(self) -> str:
        return self.jti_hash
