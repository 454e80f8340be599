"""Refresh tokens of programs that act for a user."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.authentication.models.session import EndReason
from crm.core.ids import uuid7
from crm.organizations.models.membership import Membership
from crm.organizations.models.organization import Organization
from crm.organizations.models.user import User


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def live(self, now: datetime | None = None) -> Self:
        return self.filter(ended_at__isnull=True, expires_at__gt=now or timezone.now())

    def last_used_first(self) -> Self:
        return self.order_by("-last_used_at", "-id")


class TokenFamily(models.Model):
    """One log-in of a program: the chain of its refresh tokens."""

    person_field: ClassVar[str] = "user"
    person_changes: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_families")
    membership = models.ForeignKey(
        Membership, on_delete=models.CASCADE, related_name="token_families"
    )
    device = models.CharField(_("device"), max_length=100, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_because = models.CharField(max_length=20, choices=EndReason, blank=True, editable=False)

    objects: ClassVar[TokenFamilyQuerySet] = TokenFamilyQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    user_id: UUID
    membership_id: UUID

    class Meta:
        verbose_name = _("token family")
        verbose_name_plural = _("token families")
        indexes = [
            models.Index(
                fields=["user", "-last_used_at"],
                condition=models.Q(ended_at__isnull=True),
                name="live_families_of_a_person",
            ),
            models.Index(fields=["expires_at"], name="families_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.device}"


class RefreshToken(models.Model):
    """One token of a family; only its hash is stored. The last, unrotated one is valid."""

    organization_lookups: ClassVar[tuple[str, ...]] = ("token_hash",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    family = models.ForeignKey(TokenFamily, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    # Hash of browser and address: only the same client may come twice within the grace.
    rotated_by = models.CharField(max_length=64, blank=True, editable=False)

    organization_id: UUID
    family_id: UUID

    class Meta:
        verbose_name = _("refresh token")
        verbose_name_plural = _("refresh tokens")

    def __str__(self) -> str:
        return str(self.pk)
