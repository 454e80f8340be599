"""Invitations to an organization."""

import hashlib
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.text.fields import AddressField
from crm.organizations.models.membership import Membership
from crm.organizations.models.organization import Organization
from crm.organizations.models.role import CustomRole, Role
from crm.organizations.models.team import Team


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


class Invitation(models.Model):
    """An emailed invitation of one address, usable once; only a hash of its token is stored."""

    organization_lookups: ClassVar[tuple[str, ...]] = ("token_hash",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="invitations"
    )
    email = AddressField(_("email address"), max_length=255)
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.AGENT)
    # Without the role that was promised there is no invitation: never another, broader one.
    custom_role = models.ForeignKey(
        CustomRole, on_delete=models.CASCADE, null=True, blank=True, related_name="invitations"
    )
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations"
    )
    # Who sent it, a member or a key: it is good as long as they may give what it promises.
    invited_by = models.ForeignKey(
        Membership, on_delete=models.CASCADE, null=True, related_name="invitations"
    )
    # Of an app above this one: see `crm.core.permissions.principals`.
    invited_by_key_id = models.UUIDField(null=True, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    organization_id: UUID
    custom_role_id: UUID | None
    team_id: UUID | None
    invited_by_id: UUID | None

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="invitations_by_age")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="one_open_invitation_per_address",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @staticmethod
    def hash_of(token: str) -> str:
        # Of 256 random bits: nothing to guess, so no slow hash is needed.
        return hashlib.sha256(token.encode()).hexdigest()

    @property
    def role_name(self) -> str:
        return self.custom_role.name if self.custom_role else str(self.get_role_display())

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
