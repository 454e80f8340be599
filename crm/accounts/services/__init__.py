"""Verbs about people and organizations."""

from crm.accounts.services.memberships import (
    SESSION_KEY,
    add_member,
    create_organization,
    current_membership,
)
from crm.accounts.services.profile import update_organization, update_profile

__all__ = [
    "SESSION_KEY",
    "add_member",
    "create_organization",
    "current_membership",
    "update_organization",
    "update_profile",
]
