"""Permission checks: in memory, as an error, and as a filter of rows.

`can_access` and `accessible_q` implement the same rule for one record and for a table; a test
compares them for every combination.
"""

from collections.abc import Collection, Iterable, Set
from uuid import UUID

from django.db.models import Q

from crm.core.errors import Forbidden
from crm.core.permissions.errors import GrantsTooMuch
from crm.core.permissions.principals import Principal
from crm.core.permissions.rights import LEVELS, READ, Action, Level, Module, Rights


def accessible_owner_ids(principal: Principal, area: Module, action: Action = READ) -> Set[UUID]:
    """Return the ids of the users whose records are accessible below the level ``all``."""
    if principal.user_id is None:
        return frozenset()
    people = frozenset({principal.user_id})
    level = principal.level(area, action)
    if level >= Level.TEAM:
        people |= principal.colleague_ids
    if level >= Level.TEAM or (level == Level.OWN and action == READ):
        # A team lead reads the members' records at any level, but changes them only at "team".
        people |= principal.led_ids
    return people


def can_access(
    principal: Principal, area: Module, action: Action, owner_ids: Collection[UUID | None]
) -> bool:
    """Return whether a record of the organization with these owners is accessible.

    An unassigned record (None, or no ids) is accessible from the level ``team`` on.
    """
    level = principal.level(area, action)
    if level in {Level.NONE, Level.ALL}:
        return level == Level.ALL
    is_nobodys = not owner_ids or None in owner_ids
    if is_nobodys and level == Level.TEAM and principal.user_id is not None:
        return True
    return not accessible_owner_ids(principal, area, action).isdisjoint(owner_ids)


def accessible_q(principal: Principal, area: Module, action: Action = READ, *, owner: str) -> Q:
    """Return the filter of a table with an ``organization`` by access; ``owner`` is the column.

    The level ``all`` adds no condition beside the organization's, so that its indexes apply.
    """
    level = principal.level(area, action)
    inside = Q(organization_id=principal.organization_id)
    if level == Level.ALL:
        return inside
    people = accessible_owner_ids(principal, area, action)
    if level == Level.NONE or not people:
        return Q(pk__in=())
    theirs = Q(**{f"{owner}__in": sorted(people)})
    if level == Level.TEAM:
        theirs |= Q(**{f"{owner}__isnull": True})
    return inside & theirs


def require(
    principal: Principal, area: Module, action: Action = READ, at_least: Level = Level.OWN
) -> None:
    """Raise Forbidden without the permission; by default, at any level."""
    if not principal.may(area, action, at_least):
        raise Forbidden


def require_record(
    principal: Principal, area: Module, action: Action, *, owner_ids: Collection[UUID | None]
) -> None:
    """Raise Forbidden without the permission for a record of these owners."""
    if not can_access(principal, area, action, owner_ids):
        raise Forbidden


def may_grant(principal: Principal, rights: Rights) -> bool:
    """Return whether a principal may grant these permissions: no more than they have."""
    return principal.rights.covers(rights)


def require_grant(principal: Principal, rights: Rights) -> None:
    if not may_grant(principal, rights):
        raise GrantsTooMuch


def require_team_grant(
    principal: Principal, people: Iterable[Rights], *, lead: Rights | None
) -> None:
    """Raise GrantsTooMuch if a team would give its members access that the principal lacks.

    ``people`` are the permissions of the members, ``lead`` those of the lead. The level ``team``
    covers the other members' records; a lead sees them from the level ``own`` on.
    """
    rights = list(people)
    for area, action in ((area, action) for area in Module for action in Action):
        if Level.TEAM not in LEVELS[area] or principal.level(area, action) == Level.ALL:
            continue
        leads = lead is not None and action == READ and lead.level(area, action) == Level.OWN
        if leads or any(each.level(area, action) == Level.TEAM for each in rights):
            raise GrantsTooMuch
