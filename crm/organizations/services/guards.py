"""What changes of members and roles go through: the lock, the last owner, the seats of the plan."""

from uuid import UUID

from crm.core import quotas
from crm.core.errors import Forbidden
from crm.core.permissions import WRITE, Module, Principal, require
from crm.organizations.errors import LastOwner
from crm.organizations.models import Invitation, Membership, Organization


def lock_rights(organization_id: UUID) -> None:
    """Serialize changes of permissions in one organization until the transaction ends."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def present_rights(by: Principal) -> Principal:
    """Reload the principal's permissions, which may have changed while waiting for the lock."""
    if not isinstance(by, Membership):
        return by
    present = Membership.objects.active().with_rights().filter(pk=by.pk).first()
    if present is None:
        raise Forbidden
    return present


def enter_settings(by: Principal) -> Principal:
    """Take the lock, require the permission to change settings, and return the reloaded
    principal.
    """
    lock_rights(by.organization_id)
    present = present_rights(by)
    require(present, Module.SETTINGS, WRITE)
    return present


def keep_an_owner(membership: Membership) -> None:
    """Raise LastOwner if this member is the last active owner.

    Call it in a transaction, before an owner leaves, is deactivated or gets another role. It takes
    `lock_rights`, so that two last owners cannot leave concurrently.
    """
    lock_rights(membership.organization_id)
    others = (
        Membership.objects.active()
        .in_organization(membership.organization_id)
        .owners()
        .exclude(pk=membership.pk)
    )
    present = Membership.objects.filter(pk=membership.pk).owners().exists()
    if present and not others.exists():
        raise LastOwner


def taken_seats(organization_id: UUID) -> int:
    """Count active members and open invitations, which reserve a seat."""
    members = Membership.objects.active().in_organization(organization_id).count()
    return members + Invitation.objects.of(organization_id).acceptable().count()


def require_seat(organization_id: UUID) -> None:
    """Raise QuotaExceeded for another member or invitation beyond the plan."""
    quotas.check_quota("members", organization_id=organization_id)
