"""Services of teams, which define the level ``team`` of permissions.

They are the only writers of `TeamMember`; each change of its rows increments the team's version.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from crm.core import realtime
from crm.core.permissions import Principal, Rights, require_team_grant
from crm.core.text.folding import is_taken
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version, raised
from crm.organizations.errors import (
    MemberNotFound,
    TeamFull,
    TeamNameTaken,
    TeamNotFound,
    TooManyTeams,
)
from crm.organizations.models import Membership, Team, TeamMember
from crm.organizations.services.guards import enter_settings

MAX_TEAMS = 200
MAX_MEMBERS = 200


@transaction.atomic
def create_team(
    *, by: Principal, name: str, lead_id: UUID | None, member_ids: Collection[UUID]
) -> Team:
    """Create a team; ids are those of memberships. The lead becomes a member."""
    by = enter_settings(by)
    _require_room(by.organization_id)
    team = Team(organization_id=by.organization_id, name=name)
    _save(team)
    _seat(team, by=by, lead_id=lead_id, member_ids=member_ids)
    return team


@transaction.atomic
def edit_team(
    *,
    by: Principal,
    team_id: UUID,
    name: str,
    lead_id: UUID | None,
    member_ids: Collection[UUID],
    version: int | None = None,
) -> Team:
    """Set a team's name, lead and members; other members are removed.

    ``version`` is the version of the team that the edit was made from. Raise EditedMeanwhile.
    """
    by = enter_settings(by)
    team = _locked(by.organization_id, team_id)
    check_version(team, version)
    team.name = name
    # Also where the members alone change: they are part of what is edited.
    _save(team, update_fields=["name", "updated_at"])
    _seat(team, by=by, lead_id=lead_id, member_ids=member_ids)
    return team


@transaction.atomic
def delete_team(*, by: Principal, team_id: UUID, version: int | None = None) -> UUID | None:
    """Delete a team; its members stay in the organization and keep their records.

    Return the id for `undo`. Raise EditedMeanwhile.
    """
    by = enter_settings(by)
    team = _locked(by.organization_id, team_id)
    check_version(team, version)
    people = list(team.members.values_list("user_id", flat=True))
    action_id = record_undoable(by=by, kind="team", data=snapshot(team))
    team.delete()
    _tell_teams_changed(people)
    return action_id


def _restore_team(by: Principal, data: dict[str, Any]) -> None:
    by = enter_settings(by)
    _require_room(by.organization_id)
    restore(data)
    team = _locked(by.organization_id, UUID(data["pk"]))
    if _is_name_taken(team):
        raise UndoImpossible
    # Whom the organization deactivated meanwhile gets neither seat nor lead back.
    staying = Membership.objects.belonging().in_organization(team.organization_id)
    gone = set(team.members.exclude(pk__in=staying).values_list("pk", flat=True))
    if team.lead_id in gone:
        team.lead = None
        team.save(update_fields=["lead", "updated_at"])
    unseat(team_id=team.pk, membership_ids=gone)
    # Who was given less since then may not give others, or themselves, what they could before.
    seated = list(team.seats.values_list("membership_id", flat=True))
    _require_reach(by, seated, lead_id=team.lead_id, are_new=True)
    _tell_teams_changed(team.members.values_list("user_id", flat=True))


register_undo("team", _restore_team)


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
        require_team_grant(by, [gained], lead=gained if is_lead else None)


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


def _require_room(organization_id: UUID) -> None:
    """Raise TooManyTeams if the organization cannot have another team."""
    if Team.objects.of(organization_id).count() >= MAX_TEAMS:
        raise TooManyTeams


def _locked(organization_id: UUID, team_id: UUID) -> Team:
    try:
        return Team.objects.of(organization_id).select_for_update().get(pk=team_id)
    except Team.DoesNotExist:
        raise TeamNotFound from None


def _is_name_taken(team: Team) -> bool:
    """Return whether another team has this name; requires the lock of `enter_settings`.

    The database constraint is less strict about equality.
    """
    others = Team.objects.of(team.organization_id).exclude(pk=team.pk)
    return is_taken(team.name, others.values_list("name", flat=True))


def _save(team: Team, update_fields: list[str] | None = None) -> None:
    if _is_name_taken(team):
        raise TeamNameTaken
    try:
        with transaction.atomic():
            team.save(update_fields=update_fields)
    except IntegrityError as taken:
        raise TeamNameTaken from taken


def _seat(team: Team, *, by: Principal, lead_id: UUID | None, member_ids: Collection[UUID]) -> None:
    wanted = set(member_ids) | ({lead_id} if lead_id else set())
    if len(wanted) > MAX_MEMBERS:
        raise TeamFull
    before = dict(team.seats.values_list("membership_id", "membership__user_id"))
    # Whose account is deactivated may stay; who comes in new must be there.
    known = dict(
        Membership.objects.active()
        .in_organization(team.organization_id)
        .filter(pk__in=wanted - before.keys())
        .values_list("pk", "user_id")
    )
    if wanted - before.keys() - known.keys():
        raise MemberNotFound
    if known or team.lead_id != lead_id:
        _require_reach(by, wanted, lead_id=lead_id, are_new=bool(known))
    if team.lead_id != lead_id:
        team.lead_id = lead_id
        team.save(update_fields=["lead", "updated_at"])
    unseat(team_id=team.pk, membership_ids=before.keys() - wanted)
    seat(organization_id=team.organization_id, team_id=team.pk, membership_ids=known)
    team.refresh_from_db(fields=["version"])
    _tell_teams_changed({*before.values(), *known.values()})


def _require_reach(
    by: Principal, wanted: Collection[UUID], *, lead_id: UUID | None, are_new: bool
) -> None:
    """Raise GrantsTooMuch if a member would gain access that the principal does not have."""
    people = Membership.objects.in_organization(by.organization_id).select_related("custom_role")
    rights = {each.pk: each.rights for each in people.filter(pk__in=wanted)}
    # Where only the lead is another, nobody else sees more than before.
    gaining = rights.values() if are_new else ()
    require_team_grant(by, gaining, lead=rights.get(lead_id) if lead_id else None)


def _tell_teams_changed(user_ids: Iterable[UUID]) -> None:
    people = list(user_ids)
    transaction.on_commit(lambda: realtime.recheck_sockets(people), robust=True)
