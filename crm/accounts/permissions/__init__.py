"""Permissions: one table of roles, and its queries."""

from crm.accounts.permissions.areas import LEVELS, READ, WRITE, Action, Area, Level
from crm.accounts.permissions.builtin import BUILT_IN
from crm.accounts.permissions.principals import Machine, Operator, Principal
from crm.accounts.permissions.questions import (
    may_grant,
    people_of,
    permits,
    reach,
    require,
    require_grant,
    require_record,
    require_seat_in_team,
)
from crm.accounts.permissions.rights import NO_RIGHTS, Grant, Rights
from crm.accounts.permissions.scopes import SCOPES, rights_of_scopes, scopes_of

__all__ = [
    "BUILT_IN",
    "LEVELS",
    "NO_RIGHTS",
    "READ",
    "SCOPES",
    "WRITE",
    "Action",
    "Area",
    "Grant",
    "Level",
    "Machine",
    "Operator",
    "Principal",
    "Rights",
    "may_grant",
    "people_of",
    "permits",
    "reach",
    "require",
    "require_grant",
    "require_record",
    "require_seat_in_team",
    "rights_of_scopes",
    "scopes_of",
]
