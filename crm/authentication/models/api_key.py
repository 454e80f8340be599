"""API keys of programs that act for an organization."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.text.fields import LineField
from crm.organizations.models.organization import Organization
from crm.organizations.models.user import User


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def not_revoked(self) -> Self:
        return self.filter(revoked_at__isnull=True)

    def live(self, now: datetime | None = None) -> Self:
        lasts = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now or timezone.now())
        return self.not_revoked().filter(lasts)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class ApiKey(models.Model):
    """A named key of an organization; ``scopes`` are ``area:read`` and ``area:write``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = LineField(_("name"), max_length=100)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        indexes = [models.Index(fields=["organization", "-id"], name="api_keys_newest_first")]

    def __str__(self) -> str:
        return self.name

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class ApiKeySecret(models.Model):
    """A secret of a key; there may be two during a rotation."""

    organization_lookups: ClassVar[tuple[str, ...]] = ("prefix",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="secrets")
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    organization_id: UUID
    key_id: UUID

    class Meta:
        verbose_name = _("secret of an API key")
        verbose_name_plural = _("secrets of API keys")

    def __str__(self) -> str:
        return f"nf_live_{self.prefix}_…"
