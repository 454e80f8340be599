"""Members whose rights a test chooses."""

from crm.core.permissions import LEVELS, Grant, Level, Module, Rights
from crm.organizations.models import CustomRole, Membership, Organization, Role, Team, TeamMember
from tests.conftest import make_member


def rights(area: Module, read: Level, write: Level = Level.NONE) -> Rights:
    return Rights({area: Grant(read, write)})


def give(membership: Membership, wanted: Rights) -> Membership:
    """Give a member a role with exactly these rights."""
    membership.custom_role, _created = CustomRole.objects.update_or_create(
        organization_id=membership.organization_id,
        name=f"Role of {membership.pk}",
        defaults={"base": Role.VIEWER, "grants": wanted.stored()},
    )
    membership.role = Role.VIEWER
    membership.save(update_fields=["role", "custom_role"])
    return membership


def member_with(organization: Organization, name: str, wanted: Rights) -> Membership:
    return give(make_member(organization, name, Role.VIEWER), wanted)


def make_team(name: str, *members: Membership, lead: Membership | None = None) -> Team:
    organization_id = members[0].organization_id
    team = Team.objects.create(organization_id=organization_id, name=name, lead=lead)
    for member in members:
        TeamMember.objects.create(organization_id=organization_id, team=team, membership=member)
    return team


def present(membership: Membership) -> Membership:
    """Read somebody as a new request would."""
    return Membership.objects.with_rights().get(pk=membership.pk)


def pairs(area: Module) -> list[tuple[Level, Level]]:
    """Give every pair of seeing and changing that an area knows."""
    return [(read, write) for read in LEVELS[area] for write in LEVELS[area] if write <= read]
