"""Who works here: users, the organizations they belong to, and as what."""

from crm.accounts.models.membership import Membership, Role
from crm.accounts.models.organization import Organization
from crm.accounts.models.user import Language, User

__all__ = ["Language", "Membership", "Organization", "Role", "User"]
