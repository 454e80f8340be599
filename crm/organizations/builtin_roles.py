"""The table of built-in roles; `docs/permissions.md` shows it."""

from crm.core.permissions.rights import Grant, Level, Module, Rights

NONE, OWN, TEAM, ALL = Level

# A row is an area; a pair is how far one sees and how far one changes. The keys are the values of
# `crm.organizations.models.Role`, which a test compares.
_ROLES = ("owner", "admin", "supervisor", "agent", "viewer")
_TABLE = {
    #                owner       admin        supervisor   agent        viewer
    Module.INBOX: ((ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, NONE)),
    Module.CUSTOMERS: ((ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, NONE)),
    Module.DEALS: ((ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, NONE)),
    Module.KNOWLEDGE: ((ALL, ALL), (ALL, ALL), (ALL, ALL), (ALL, NONE), (ALL, NONE)),
    Module.SETTINGS: ((ALL, ALL), (ALL, ALL), (ALL, NONE), (NONE, NONE), (NONE, NONE)),
    Module.BILLING: ((ALL, ALL), (ALL, NONE), (NONE, NONE), (NONE, NONE), (NONE, NONE)),
}

BUILT_IN: dict[str, Rights] = {
    role: Rights({area: Grant(*row[number]) for area, row in _TABLE.items()})
    for number, role in enumerate(_ROLES)
}
