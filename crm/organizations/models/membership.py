"""Memberships of users in organizations."""

from collections.abc import Iterable, Set
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.permissions import Action, Level, Module, Principal, Rights
from crm.core.permissions.errors import SecondFactorMissing
from crm.core.text.fields import AddressField, LineField
from crm.core.text.folding import search_words
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models.organization import Organization
from crm.organizations.models.role import CustomRole, Role
from crm.organizations.models.user import User

# The second factors that a log-in asks for. Recovery codes stand in for one, and are none.
SECOND_FACTORS = ("totp", "webauthn")


def admits(granted_at: datetime | models.F, *owners: str) -> models.Q:
    """Return the condition that no owner (``"user__"``) revoked grants of this time."""
    condition = models.Q()
    for owner in owners:
        is_unset, is_older = f"{owner}access_from__isnull", f"{owner}access_from__lte"
        condition &= models.Q(**{is_unset: True}) | models.Q(**{is_older: granted_at})
    return condition


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
            found = found.filter(
                models.Q(is_active=True, user__search_text__contains=word)
                | models.Q(is_active=False, left_search_text__contains=word)
            )
        return found

    def left(self) -> "MembershipQuerySet":
        return self.filter(is_active=False)

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
        seats = apps.get_model("organizations", "TeamMember").objects
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


class Membership(Principal, VersionedModel):
    """A user's role in one organization; every request runs as one of these.

    With a ``custom_role``, ``role`` is the built-in role that it was copied from.
    """

    kind: ClassVar[str] = "member"
    # Whoever logs in sees their own, before it is known which organization they work for.
    person_field: ClassVar[str] = "user"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.AGENT)
    # To delete a role that somebody has would change, unseen, what they may do.
    custom_role = models.ForeignKey(
        CustomRole, on_delete=models.RESTRICT, null=True, blank=True, related_name="memberships"
    )
    is_active = models.BooleanField(_("active"), default=True)
    # Who takes what is open of somebody who was deactivated; nobody: it is everybody's to take.
    successor = models.ForeignKey(
        "self",
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("successor"),
    )
    # What whoever left was called then: what they are called since is not this organization's.
    left_name = LineField(max_length=255, default="", blank=True, editable=False)
    left_email = AddressField(max_length=255, default="", blank=True, editable=False)
    left_search_text = models.TextField(default="", editable=False)
    # Whatever granted access before this moment is void; None: nothing is.
    access_from = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MembershipQuerySet.as_manager()

    organization_id: UUID
    user_id: UUID
    custom_role_id: UUID | None
    successor_id: UUID | None
    # Filled by `MembershipQuerySet.with_rights`; else read when first asked for.
    known_colleagues: Iterable[UUID]
    known_led: Iterable[UUID]
    known_factor_rule_met: bool

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        indexes = [models.Index(fields=["organization", "id"], name="members_in_order")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_membership_per_user_and_organization"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.role_name}"

    def clean(self) -> None:
        super().clean()
        if self.custom_role and self.custom_role.organization_id != self.organization_id:
            raise ValidationError({"custom_role": _("This role is another organization's.")})

    @property
    def shown_name(self) -> str:
        """Return the member's name, for this organization."""
        return self.user.name if self.is_active else self.left_name

    @property
    def shown_email(self) -> str:
        """Return the member's address, for this organization."""
        return self.user.email if self.is_active else self.left_email

    @property
    def built_in_role(self) -> str | None:
        """Return the role of everybody's that the member has, None with one of the organization's
        own.
        """
        return None if self.custom_role_id else self.role

    @property
    def role_name(self) -> str:
        return self.custom_role.name if self.custom_role else str(self.get_role_display())

    @property
    def role_key(self) -> str:
        """Return the role's key in forms and the API: a built-in role's value, or a custom role's
        id.
        """
        return str(self.custom_role_id or self.role)

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER and self.custom_role_id is None

    @property
    def rights(self) -> Rights:
        return self.custom_role.rights if self.custom_role else BUILT_IN[self.role]

    @property
    def actor_name(self) -> str:
        return self.user.name

    @property
    def is_suspended(self) -> bool:
        """Return whether the operator deactivated the account; the membership stays as it is."""
        return self.is_active and not self.user.is_active

    @property
    def meets_factor_rule(self) -> bool:
        """Return whether the user has the second factor that the organization requires."""
        if not hasattr(self, "known_factor_rule_met"):
            known = Membership.objects.with_rights().filter(pk=self.pk).first()
            self.known_factor_rule_met = known is not None and known.known_factor_rule_met
        return self.known_factor_rule_met

    def check_second_factor(self) -> None:
        """Raise SecondFactorMissing where the organization requires a factor that the user lacks.

        An operator who sees the application as this member showed a factor at the admin's log-in.
        """
        if self.impersonation is not None or not self.organization.requires_second_factor:
            return
        if not self.meets_factor_rule:
            raise SecondFactorMissing

    def admits(self, granted_at: datetime) -> bool:
        """Return whether a grant of this time still gives the user access to the organization."""
        owners = (self, self.user, self.organization)
        return all(
            owner.is_active and (owner.access_from is None or owner.access_from <= granted_at)
            for owner in owners
        )

    @property
    def colleague_ids(self) -> Set[UUID]:
        if not hasattr(self, "known_colleagues"):
            self._read_teams()
        return frozenset(self.known_colleagues)

    @property
    def led_ids(self) -> Set[UUID]:
        if not hasattr(self, "known_led"):
            self._read_teams()
        return frozenset(self.known_led)

    def _read_teams(self) -> None:
        known = Membership.objects.with_rights().filter(pk=self.pk).first()
        self.known_colleagues = known.known_colleagues if known else ()
        self.known_led = known.known_led if known else ()
