"""Querysets of users and memberships."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.apps import apps
from django.contrib.auth.models import BaseUserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models

from crm.accounts.permissions import BUILT_IN, Action, Level, Module
from crm.core.text.normalization import normalize_email, search_words

if TYPE_CHECKING:
    from crm.accounts.models import CustomRole, Membership, Team, User


# The second factors that a log-in asks for. Recovery codes stand in for one, and are none.
SECOND_FACTORS = ("totp", "webauthn")


def admits(granted_at: datetime | models.F, *owners: str) -> models.Q:
    """Return the condition that no owner (``"user__"``) revoked grants of this time."""
    condition = models.Q()
    for owner in owners:
        is_unset, is_older = f"{owner}access_from__isnull", f"{owner}access_from__lte"
        condition &= models.Q(**{is_unset: True}) | models.Q(**{is_older: granted_at})
    return condition


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the normalized address: two accounts never differ in its spelling only."""
        return normalize_email(email or "")

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

    def reachable_at(self, email: str) -> "models.QuerySet[User]":
        """Return active users with this verified address, or created with it by an operator."""
        is_proved = models.Q(emailaddress__email=email, emailaddress__verified=True)
        is_vouched_for = models.Q(email=email, emailaddress__isnull=True)
        return self.filter(is_proved | is_vouched_for, is_active=True).distinct()

    def holding(self, email: str) -> "models.QuerySet[User]":
        """Return the user with this address; pending, unverified changes do not count."""
        is_proved = models.Q(emailaddress__email=email, emailaddress__verified=True)
        return self.filter(models.Q(email=email) | is_proved).distinct()

    def never_confirmed(self) -> "models.QuerySet[User]":
        """Return users who signed up, never verified their address and never logged in."""
        return self.filter(
            last_login__isnull=True, memberships__isnull=True, emailaddress__verified=False
        ).distinct()

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def belonging(self) -> "MembershipQuerySet":
        """Return the memberships that their organization has not ended.

        Also those of accounts that the operator deactivated: they keep role, seats and leads, but
        cannot do anything until the account is reactivated.
        """
        return self.filter(is_active=True)

    def active(self) -> "MembershipQuerySet":
        """Return the memberships whose users may work there now."""
        return self.filter(is_active=True, user__is_active=True, organization__is_active=True)

    def including(self, column: str) -> models.Exists:
        """Return the condition of another table that its user in ``column`` is among these."""
        return models.Exists(self.filter(user=models.OuterRef(column)))

    def admitting(self, granted_at: datetime) -> "MembershipQuerySet":
        """Return the memberships that a log-in, token or invitation of this time gives access to.

        User, membership and organization are active, and none was deactivated since.
        """
        return self.active().filter(admits(granted_at, "", "user__", "organization__"))

    def of(self, user: "User") -> "MembershipQuerySet":
        return self.filter(user=user).select_related("organization", "user").order_by("created_at")

    def in_organization(self, organization_id: UUID) -> "MembershipQuerySet":
        return self.filter(organization_id=organization_id)

    def in_order(self) -> "MembershipQuerySet":
        """Return the memberships in the order of creation: ids grow with time."""
        return self.select_related("user", "custom_role").order_by("pk")

    def after(self, membership_id: UUID) -> "MembershipQuerySet":
        return self.filter(pk__gt=membership_id)

    def named_like(self, text: str) -> "MembershipQuerySet":
        """Return the memberships whose user's name or address contains each word, without case,
        accents and punctuation.
        """
        found = self
        for word in search_words(text):
            found = found.filter(user__search_text__contains=word)
        return found

    def owners(self) -> "MembershipQuerySet":
        return self.filter(role="owner", custom_role__isnull=True)

    def who_may(self, area: Module, action: Action) -> "MembershipQuerySet":
        """Return the memberships with this permission at any level."""
        roles = [role for role, rights in BUILT_IN.items() if rights.level(area, action)]
        levels = [level.key for level in Level if level]
        return self.filter(
            models.Q(custom_role__isnull=True, role__in=roles)
            | models.Q(**{f"custom_role__grants__{area}__{action}__in": levels})
        )

    def with_rights(self) -> "MembershipQuerySet":
        """Load role, teams and second factor too, so that permissions need no other query."""
        seats = apps.get_model("accounts", "TeamMember").objects
        factors = apps.get_model("mfa", "Authenticator").objects
        return self.select_related("custom_role", "organization", "user").annotate(
            known_colleagues=ArraySubquery(
                seats.filter(team__seats__membership=models.OuterRef("pk")).values(
                    "membership__user_id"
                )
            ),
            known_led=ArraySubquery(
                seats.filter(team__lead=models.OuterRef("pk")).values("membership__user_id")
            ),
            known_factor_rule_met=models.Case(
                models.When(
                    organization__requires_second_factor=True,
                    then=models.Exists(
                        factors.filter(user=models.OuterRef("user"), type__in=SECOND_FACTORS)
                    ),
                ),
                default=True,
                output_field=models.BooleanField(),
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

    def connecting(self, membership: "Membership", user_ids: Collection[UUID]) -> Self:
        """Return the teams that a member shares with one of these users, or leads them in."""
        with_them = self.filter(seats__membership__user__in=list(user_ids)).values("pk")
        theirs = models.Q(members=membership) | models.Q(lead=membership)
        return self.filter(theirs, pk__in=with_them).distinct()

    def by_name(self) -> Self:
        return self.order_by("name", "id")
