"""Permissions: the vocabulary and the checks, without any table."""

from crm.core.permissions.checks import (
    accessible_q,
    can_access,
    may_grant,
    people_of,
    require,
    require_grant,
    require_record,
    require_seat_in_team,
)
from crm.core.permissions.principals import (
    ApiKeyPrincipal,
    Principal,
    find_principal,
    register_lookup,
)
from crm.core.permissions.rights import (
    LEVELS,
    NO_RIGHTS,
    READ,
    SCOPES,
    WRITE,
    Action,
    Grant,
    Level,
    Module,
    Rights,
    rights_of_scopes,
    scopes_of,
)

__all__ = [
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
    "Principal",
    "Rights",
    "accessible_q",
    "can_access",
    "find_principal",
    "may_grant",
    "people_of",
    "register_lookup",
    "require",
    "require_grant",
    "require_record",
    "require_seat_in_team",
    "rights_of_scopes",
    "scopes_of",
]
