"""Why a member can or cannot see or change a record: the result of `can_access`, in parts."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _

from crm.core.permissions import Action, Level, Module, can_access
from crm.organizations.models import Membership, Team, User


class Reason(StrEnum):
    INACTIVE = "inactive"
    NO_RIGHT = "no_right"
    ALL = "all"
    OWN = "own"
    TEAM = "team"
    LED = "led"
    NOBODYS = "nobodys"
    NOT_THEIRS = "not_theirs"
    NOT_THEIR_TEAMS = "not_their_teams"


@dataclass(frozen=True, slots=True)
class Explanation:
    """``teams`` are those that the member shares with an owner of the record."""

    is_allowed: bool
    reason: Reason
    level: Level
    action: Action
    teams: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        teams = ", ".join(self.teams)
        return {
            Reason.INACTIVE: _("No: this person is not active in the organization."),
            Reason.NO_RIGHT: _("No: the role gives no right to this area."),
            Reason.ALL: _("Yes: the role reaches every record of the organization."),
            Reason.OWN: _("Yes: it is assigned to this person."),
            Reason.TEAM: _("Yes: it is assigned to somebody of a team they share (%(teams)s)."),
            Reason.LED: _("Yes: it is assigned to somebody of a team that they lead (%(teams)s)."),
            Reason.NOBODYS: _("Yes: it is assigned to nobody, and the role reaches the team's."),
            Reason.NOT_THEIRS: _(
                "No: the role reaches only what is assigned to this person, and this is not."
            ),
            Reason.NOT_THEIR_TEAMS: _(
                "No: the role reaches only what is assigned to their teams, and this is not."
            ),
        }[self.reason] % {"teams": teams}


def explain(
    membership: Membership, area: Module, action: Action, owner_ids: Collection[UUID | None]
) -> Explanation:
    level = membership.level(area, action)
    is_allowed = is_in(membership) and can_access(membership, area, action, owner_ids)
    reason, teams = _reason(membership, level, action, owner_ids)
    return Explanation(is_allowed, reason, level, action, teams)


def is_in(membership: Membership) -> bool:
    return membership.is_active and membership.user.is_active


def _reason(
    membership: Membership, level: Level, action: Action, owner_ids: Collection[UUID | None]
) -> tuple[Reason, tuple[str, ...]]:
    if not is_in(membership):
        return Reason.INACTIVE, ()
    if level == Level.NONE:
        return Reason.NO_RIGHT, ()
    if level == Level.ALL:
        return Reason.ALL, ()
    owners = {owner_id for owner_id in owner_ids if owner_id is not None}
    if membership.user_id in owners:
        return Reason.OWN, ()
    is_wide = level == Level.TEAM
    if is_wide and (shared := owners & membership.colleague_ids):
        return Reason.TEAM, _teams_between(membership, shared)
    if (is_wide or action == Action.READ) and (led := owners & membership.led_ids):
        return Reason.LED, _teams_between(membership, led)
    if is_wide and (not owner_ids or None in owner_ids):
        return Reason.NOBODYS, ()
    return (Reason.NOT_THEIR_TEAMS if is_wide else Reason.NOT_THEIRS), ()


def _teams_between(membership: Membership, user_ids: Collection[UUID]) -> tuple[str, ...]:
    teams = Team.objects.of(membership.organization_id).connecting(membership, user_ids)
    return tuple(teams.by_name().values_list("name", flat=True)[:5])


def names_of(owner_ids: Collection[UUID | None]) -> list[str]:
    """Return the names of a record's assignees."""
    wanted = [owner_id for owner_id in owner_ids if owner_id is not None]
    return list(User.objects.filter(pk__in=wanted).order_by("name").values_list("name", flat=True))
