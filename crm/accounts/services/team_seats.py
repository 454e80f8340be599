"""Seats in teams: the only writers of `TeamMember`. Each change increments the team's version."""

from collections.abc import Collection, Iterable
from uuid import UUID

from crm.accounts.models import Membership, Team, TeamMember
from crm.accounts.permissions import Principal, Rights, require_seat_in_team
from crm.core.versions import raised


def seat(*, organization_id: UUID, team_id: UUID, membership_ids: Iterable[UUID]) -> None:
    """Add members to a team; those who are in it stay."""
    present = set(
        TeamMember.objects.filter(team_id=team_id).values_list("membership_id", flat=True)
    )
    new = sorted(set(membership_ids) - present)
    if not new:
        return
    TeamMember.objects.bulk_create(
        TeamMember(organization_id=organization_id, team_id=team_id, membership_id=each)
        for each in new
    )
    _raise_versions([team_id])


def unseat(*, team_id: UUID, membership_ids: Collection[UUID]) -> None:
    """Remove members from a team."""
    seats = TeamMember.objects.filter(team_id=team_id, membership_id__in=membership_ids)
    removed, _by_model = seats.delete()
    if removed:
        _raise_versions([team_id])


def require_reach_of_seated(
    by: Principal, membership_ids: Collection[UUID], *, before: Rights, after: Rights
) -> None:
    """Raise GrantsTooMuch if new rights would show members more of their teams than the principal
    sees.

    The level ``team`` alone says nothing of whose records it reaches: that depends on the teams.
    """
    gained = after.beyond(before)
    if TeamMember.objects.filter(membership__in=membership_ids).exists():
        is_lead = Team.objects.filter(lead__in=membership_ids).exists()
        require_seat_in_team(by, [gained], lead=gained if is_lead else None)


def unseat_everywhere(membership: Membership) -> None:
    """Remove a member from all teams, and from leading them."""
    seats = TeamMember.objects.filter(membership=membership)
    team_ids = set(seats.values_list("team_id", flat=True))
    team_ids |= set(membership.leads.values_list("pk", flat=True))
    seats.delete()
    membership.leads.update(lead=None)
    _raise_versions(team_ids)


def _raise_versions(team_ids: Collection[UUID]) -> None:
    if team_ids:
        Team.objects.filter(pk__in=team_ids).update(**raised(Team))
