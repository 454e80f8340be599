"""Querysets of invitations."""

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from crm.accounts.models import Invitation


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def open(self) -> Self:
        """Return invitations neither accepted nor revoked, including expired ones."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def acceptable(self) -> Self:
        return self.open().filter(expires_at__gt=timezone.now(), organization__is_active=True)

    def with_token(self, token: str) -> Self:
        return self.filter(token_hash=self.model.hash_of(token))

    def newest_first(self) -> Self:
        return self.select_related("custom_role", "team", "invited_by__user").order_by(
            "-created_at", "-pk"
        )
