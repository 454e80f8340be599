"""Verbs about those who are in: deactivate, let back in, leave."""

import logging
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

from config import realtime
from crm.accounts.errors import MemberNotFound, NotYourself, OwnersOnly
from crm.accounts.models import Membership, TeamMember
from crm.accounts.permissions import Principal, require_grant
from crm.accounts.services.owners import enter_settings, keep_an_owner, lock_rights
from crm.accounts.services.seats import require_seat
from crm.accounts.signals import member_joined, member_left

logger = logging.getLogger(__name__)


@transaction.atomic
def deactivate_member(*, by: Principal, membership_id: UUID) -> Membership:
    """Shut somebody out of this organization at once; what they wrote stays theirs."""
    by = enter_settings(by)
    membership = _locked(by.organization_id, membership_id)
    if isinstance(by, Membership) and by.pk == membership.pk:
        raise NotYourself
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, membership.rights)
    if membership.is_owner:
        keep_an_owner(membership)
    _end(membership)
    return membership


@transaction.atomic
def reactivate_member(*, by: Principal, membership_id: UUID) -> Membership:
    """Let somebody back in, with the role they had."""
    by = enter_settings(by)
    membership = _locked(by.organization_id, membership_id)
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, membership.rights)
    if not membership.is_active:
        require_seat(by.organization_id)
        membership.is_active = True
        membership.save(update_fields=["is_active", "updated_at"])
        _tell(member_joined, membership)
    return membership


@transaction.atomic
def leave_organization(*, membership_id: UUID) -> None:
    """Go of one's own accord; the last owner cannot."""
    organization_id = Membership.objects.values_list("organization_id", flat=True).get(
        pk=membership_id
    )
    lock_rights(organization_id)
    membership = _locked(organization_id, membership_id)
    if membership.is_owner:
        keep_an_owner(membership)
    _end(membership)


def _end(membership: Membership) -> None:
    if not membership.is_active:
        return
    membership.is_active = False
    membership.save(update_fields=["is_active", "updated_at"])
    TeamMember.objects.filter(membership=membership).delete()
    membership.leads.update(lead=None)
    user_id = membership.user_id
    # Their open pages show this organization; what they may still see elsewhere they load anew.
    transaction.on_commit(lambda: realtime.close_sockets(user_id=user_id), robust=True)
    _tell(member_left, membership)
    logger.info(
        "Somebody left an organization.",
        extra={"metadata": {"action": "accounts.leave", "membership": str(membership.pk)}},
    )


def _tell(signal: Signal, membership: Membership) -> None:
    told = {
        "organization_id": membership.organization_id,
        "membership_id": membership.pk,
        "user_id": membership.user_id,
    }
    transaction.on_commit(lambda: signal.send_robust(sender=Membership, **told), robust=True)


def _locked(organization_id: UUID, membership_id: UUID) -> Membership:
    membership = (
        Membership.objects.in_organization(organization_id)
        .select_for_update(of=("self",))
        .select_related("custom_role")
        .filter(pk=membership_id)
        .first()
    )
    if membership is None:
        raise MemberNotFound
    return membership
