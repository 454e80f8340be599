"""Services of organizations and memberships."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from crm.accounts.models import Membership, Organization, Role, User
from crm.core import tenancy

SESSION_KEY = "organization_id"


def current_membership(
    *, user: User, organization_id: str | None, granted_at: datetime
) -> Membership | None:
    """Return the membership a session runs as: the chosen organization's, else the oldest.

    ``granted_at`` is the time of the log-in.
    """
    theirs = Membership.objects.of(user).admitting(granted_at)
    if organization_id is not None:
        # The session's word says where to look, and nothing more: the row must be there.
        with tenancy.organization(UUID(organization_id)):
            chosen = theirs.with_rights().filter(organization_id=organization_id).first()
        if chosen is not None:
            return chosen
    with tenancy.person(user.pk):
        oldest = theirs.values_list("organization_id", flat=True).first()
    if oldest is None:
        return None
    with tenancy.organization(oldest):
        return theirs.with_rights().filter(organization_id=oldest).first()


@transaction.atomic
def create_organization(*, name: str, slug: str, language_code: str, timezone: str) -> Organization:
    """Create an organization, or return the one with this slug."""
    organization, _created = Organization.objects.get_or_create(
        slug=slug,
        defaults={"name": name, "language_code": language_code, "timezone": timezone},
    )
    return organization


@transaction.atomic
def add_member(*, organization_id: UUID, user_id: UUID, role: Role) -> Membership:
    """Add a user to an organization; adding again sets the role."""
    membership, _created = Membership.objects.update_or_create(
        organization_id=organization_id,
        user_id=user_id,
        defaults={"role": role, "custom_role": None, "is_active": True},
    )
    return membership
