"""Users, organizations, memberships, roles, teams and invitations."""

from crm.organizations.models.exchange_rate import ExchangeRate
from crm.organizations.models.invitation import Invitation, InvitationQuerySet
from crm.organizations.models.membership import Membership, MembershipQuerySet
from crm.organizations.models.organization import Organization
from crm.organizations.models.role import CustomRole, Role
from crm.organizations.models.team import Team, TeamMember
from crm.organizations.models.user import Language, User

__all__ = [
    "CustomRole",
    "ExchangeRate",
    "Invitation",
    "InvitationQuerySet",
    "Language",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "Role",
    "Team",
    "TeamMember",
    "User",
]
