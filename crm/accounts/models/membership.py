"""Memberships of users in organizations."""

from collections.abc import Iterable, Set
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.accounts.managers import MembershipQuerySet
from crm.accounts.models.organization import Organization
from crm.accounts.models.role import CustomRole, Role
from crm.accounts.models.user import User
from crm.accounts.permissions import BUILT_IN, Principal, Rights
from crm.core.ids import uuid7
from crm.core.versions import VersionedModel, set_null_and_raise_version

if TYPE_CHECKING:
    from crm.accounts.models.impersonation import Impersonation


class Membership(Principal, VersionedModel):
    """A user's role in one organization; every request runs as one of these.

    With a ``custom_role``, ``role`` is the built-in role that it was copied from.
    """

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
    # Set where an operator sees the application as this member.
    impersonation: "Impersonation | None" = None

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
