"""Verbs about people and organizations."""

from crm.accounts.services.memberships import (
    SESSION_KEY,
    add_member,
    create_organization,
    current_membership,
)

__all__ = ["SESSION_KEY", "add_member", "create_organization", "current_membership"]
