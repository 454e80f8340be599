"""Users, organizations, memberships and credentials."""

from crm.accounts.models.api_key import ApiKey, ApiKeySecret
from crm.accounts.models.idempotent_request import IdempotentRequest
from crm.accounts.models.impersonation import Impersonation, ImpersonationEndReason
from crm.accounts.models.invitation import Invitation
from crm.accounts.models.membership import Membership
from crm.accounts.models.organization import Organization
from crm.accounts.models.refresh_token import RefreshToken, TokenFamily
from crm.accounts.models.role import CustomRole, Role
from crm.accounts.models.saved_view import DefaultView, SavedView
from crm.accounts.models.security import SecuritySettings
from crm.accounts.models.session import EndReason, UserSession
from crm.accounts.models.team import Team, TeamMember
from crm.accounts.models.undo import UndoableAction
from crm.accounts.models.user import Language, User

__all__ = [
    "ApiKey",
    "ApiKeySecret",
    "CustomRole",
    "DefaultView",
    "EndReason",
    "IdempotentRequest",
    "Impersonation",
    "ImpersonationEndReason",
    "Invitation",
    "Language",
    "Membership",
    "Organization",
    "RefreshToken",
    "Role",
    "SavedView",
    "SecuritySettings",
    "Team",
    "TeamMember",
    "TokenFamily",
    "UndoableAction",
    "User",
    "UserSession",
]
