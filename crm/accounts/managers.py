"""How people and their memberships are looked up."""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import BaseUserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models

if TYPE_CHECKING:
    from crm.accounts.models import CustomRole, Membership, Team, User


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Fold the whole address: two people never differ by the case of a letter alone."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.aget(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> "MembershipQuerySet":
        return self.filter(is_active=True, user__is_active=True, organization__is_active=True)

    def of(self, user: "User") -> "MembershipQuerySet":
        return self.filter(user=user).select_related("organization", "user").order_by("created_at")

    def in_organization(self, organization_id: UUID) -> "MembershipQuerySet":
        return self.filter(organization_id=organization_id)

    def owners(self) -> "MembershipQuerySet":
        return self.filter(role="owner", custom_role__isnull=True)

    def with_rights(self) -> "MembershipQuerySet":
        """Read role and teams along, so that nothing more is asked to know what they may do."""
        seats = apps.get_model("accounts", "TeamMember").objects
        return self.select_related("custom_role", "organization", "user").annotate(
            known_colleagues=ArraySubquery(
                seats.filter(team__seats__membership=models.OuterRef("pk")).values(
                    "membership__user_id"
                )
            ),
            known_led=ArraySubquery(
                seats.filter(team__lead=models.OuterRef("pk")).values("membership__user_id")
            ),
        )


class CustomRoleQuerySet(models.QuerySet["CustomRole"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def by_name(self) -> Self:
        return self.order_by("name", "id")


class TeamQuerySet(models.QuerySet["Team"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def by_name(self) -> Self:
        return self.order_by("name", "id")
