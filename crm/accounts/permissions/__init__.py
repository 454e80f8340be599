"""Permissions: one table of roles, and its queries."""

from crm.accounts.permissions.builtin import BUILT_IN
from crm.accounts.permissions.checks import (
    accessible_q,
    can_access,
    may_grant,
    people_of,
    require,
    require_grant,
    require_record,
    require_seat_in_team,
)
from crm.accounts.permissions.modules import LEVELS, READ, WRITE, Action, Level, Module
from crm.accounts.permissions.principals import ApiKeyPrincipal, Operator, Principal
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
    "ApiKeyPrincipal",
    "Grant",
    "Level",
    "Module",
    "Operator",
    "Principal",
    "Rights",
    "accessible_q",
    "can_access",
    "may_grant",
    "people_of",
    "require",
    "require_grant",
    "require_record",
    "require_seat_in_team",
    "rights_of_scopes",
    "scopes_of",
]
