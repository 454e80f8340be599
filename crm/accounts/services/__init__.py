"""Services of users and organizations."""

from crm.accounts.services.memberships import (
    SESSION_KEY,
    add_member,
    create_organization,
    current_membership,
)
from crm.accounts.services.profile import (
    set_second_factor_rule,
    update_organization,
    update_profile,
)
from crm.accounts.services.sign_up import found_organization, settle_sign_up

__all__ = [
    "SESSION_KEY",
    "add_member",
    "create_organization",
    "current_membership",
    "found_organization",
    "set_second_factor_rule",
    "settle_sign_up",
    "update_organization",
    "update_profile",
]
