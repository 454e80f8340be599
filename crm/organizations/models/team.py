"""Teams, which define the level ``team`` of permissions."""

from collections.abc import Collection
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.organizations.models.membership import Membership
from crm.organizations.models.organization import Organization


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


class Team(VersionedModel):
    """Members who share their records; the lead is one of them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    name = LineField(_("name"), max_length=60)
    lead = models.ForeignKey(
        Membership,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="leads",
    )
    members = models.ManyToManyField(Membership, through="TeamMember", related_name="teams")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TeamQuerySet.as_manager()

    organization_id: UUID
    lead_id: UUID | None

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="one_team_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="seats")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="seats")

    team_id: UUID
    membership_id: UUID

    class Meta:
        verbose_name = _("team member")
        verbose_name_plural = _("team members")
        constraints = [
            models.UniqueConstraint(fields=["team", "membership"], name="one_seat_per_team")
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} · {self.team_id}"
