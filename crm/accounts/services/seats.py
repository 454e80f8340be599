"""How many places of a plan the people of an organization take."""

from uuid import UUID

from crm.accounts.models import Invitation, Membership
from crm.core import quotas


def taken_seats(organization_id: UUID) -> int:
    """Count who is in, and who may come in at any moment: an invitation holds a place free."""
    members = Membership.objects.active().in_organization(organization_id).count()
    return members + Invitation.objects.of(organization_id).acceptable().count()


def require_seat(organization_id: UUID) -> None:
    """Raise QuotaExceeded for another member or invitation beyond the plan."""
    quotas.require_room("members", organization_id=organization_id)
