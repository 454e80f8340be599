"""Querysets of sessions, tokens and keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from crm.accounts.models import User
    from crm.accounts.models.api_key import ApiKey
    from crm.accounts.models.impersonation import Impersonation
    from crm.accounts.models.refresh_token import TokenFamily
    from crm.accounts.models.session import UserSession


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


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    def of(self, user: "User") -> Self:
        return self.filter(user=user)

    def live(self, now: datetime | None = None) -> Self:
        return self.filter(ended_at__isnull=True, expires_at__gt=now or timezone.now())

    def last_used_first(self) -> Self:
        return self.order_by("-last_used_at", "-id")


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


class ImpersonationQuerySet(models.QuerySet["Impersonation"]):
    def unended(self) -> Self:
        return self.filter(ended_at__isnull=True)

    def live(self, now: datetime | None = None) -> Self:
        return self.unended().filter(ends_at__gt=now or timezone.now())

    def newest_first(self) -> Self:
        return self.order_by("-started_at", "-id")
