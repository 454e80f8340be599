"""Seats of the plan that members and invitations occupy."""

from uuid import UUID

from crm.accounts.models import Invitation, Membership
from crm.core import quotas


def taken_seats(organization_id: UUID) -> int:
    """Count active members and open invitations, which reserve a seat."""
    members = Membership.objects.active().in_organization(organization_id).count()
    return members + Invitation.objects.of(organization_id).acceptable().count()


def require_seat(organization_id: UUID) -> None:
    """Raise QuotaExceeded for another member or invitation beyond the plan."""
    quotas.check_quota("members", organization_id=organization_id)
