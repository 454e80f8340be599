"""Services of memberships, and of the people who have them."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from crm.core import tenancy
from crm.core.versions import check_version
from crm.organizations.models import Membership, Role, User

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
def add_member(*, organization_id: UUID, user_id: UUID, role: Role) -> Membership:
    """Add a user to an organization; adding again sets the role."""
    membership, _created = Membership.objects.update_or_create(
        organization_id=organization_id,
        user_id=user_id,
        defaults={"role": role, "custom_role": None, "is_active": True},
    )
    return membership


@transaction.atomic
def update_profile(*, user_id: UUID, version: int | None = None, **changes: str) -> User:
    """Change name, phone, language_code or timezone; others are unchanged.

    ``version`` is the version that the edit was made from. Raise EditedMeanwhile.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    check_version(user, version)
    for field, value in changes.items():
        setattr(user, field, value)
    user.save(update_fields=[*changes, "updated_at"])
    return user
