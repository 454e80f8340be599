"""Services of members: deactivate, reactivate, leave."""

import logging
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from crm.core import realtime
from crm.core.permissions import READ, WRITE, Module, Principal, can_access, require_grant
from crm.core.permissions.errors import GrantsTooMuch
from crm.core.revocation import revoke_access
from crm.organizations.errors import MemberNotFound, NotYourself, OwnersOnly, UnknownSuccessor
from crm.organizations.models import Invitation, Membership
from crm.organizations.models.membership import MembershipQuerySet
from crm.organizations.services.guards import (
    enter_settings,
    keep_an_owner,
    lock_rights,
    require_seat,
)
from crm.organizations.services.teams import unseat_everywhere
from crm.organizations.signals import member_joined, member_left

logger = logging.getLogger(__name__)

# Where the assignee of a conversation decides who sees what.
_HANDED_OVER = (Module.INBOX, Module.CUSTOMERS)


@transaction.atomic
def deactivate_member(
    *, by: Principal, membership_id: UUID, successor_id: UUID | None = None
) -> Membership:
    """Deactivate a member and end their access; what they wrote stays under their name.

    Their open conversations go to the member ``successor_id`` or become unassigned. Raise
    MemberNotFound, NotYourself, OwnersOnly, LastOwner, UnknownSuccessor, Forbidden, and
    GrantsTooMuch where that would show conversations to whom the principal may not show them.
    """
    by = enter_settings(by)
    membership = _locked(by.organization_id, membership_id)
    if isinstance(by, Membership) and by.pk == membership.pk:
        raise NotYourself
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, membership.rights)
    if membership.is_owner:
        keep_an_owner(membership)
    successor = _chosen_successor(membership, successor_id) if successor_id is not None else None
    _require_reach(by, membership, successor)
    _end(membership, successor_id=successor_id)
    return membership


@transaction.atomic
def reactivate_member(*, by: Principal, membership_id: UUID) -> Membership:
    """Reactivate a member, with the role they had."""
    by = enter_settings(by)
    membership = _locked(by.organization_id, membership_id)
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, membership.rights)
    if not membership.is_active:
        require_seat(by.organization_id)
        membership.is_active, membership.successor = True, None
        membership.save(update_fields=["is_active", "successor", "updated_at"])
        _tell(member_joined, membership)
    return membership


@transaction.atomic
def leave_organization(*, membership_id: UUID) -> None:
    """Leave the organization. Raise LastOwner for the last owner."""
    organization_id = Membership.objects.values_list("organization_id", flat=True).get(
        pk=membership_id
    )
    lock_rights(organization_id)
    membership = _locked(organization_id, membership_id)
    if membership.is_owner:
        keep_an_owner(membership)
    _end(membership)


def successors_of(membership: Membership) -> MembershipQuerySet:
    """Return the possible successors of a member: active colleagues who may reply to customers."""
    return (
        Membership.objects.active()
        .in_organization(membership.organization_id)
        .who_may(Module.INBOX, WRITE)
        .exclude(pk=membership.pk)
        .select_related("user", "custom_role")
        .order_by("user__name", "pk")
    )


def _chosen_successor(membership: Membership, successor_id: UUID) -> Membership:
    successor = successors_of(membership).filter(pk=successor_id).first()
    if successor is None:
        raise UnknownSuccessor
    return successor


def _require_reach(by: Principal, leaving: Membership, successor: Membership | None) -> None:
    """Raise GrantsTooMuch if the hand-over would show what the principal does not see now, to
    themselves or to the successor.

    From the level ``team`` on one sees what is unassigned.
    """
    present, coming = (leaving.user_id,), (successor.user_id if successor else None,)
    for area in _HANDED_OVER:
        if can_access(by, area, READ, present):
            continue
        for viewer in (by, successor) if successor else (by,):
            if can_access(viewer, area, READ, coming) > can_access(viewer, area, READ, present):
                raise GrantsTooMuch


def _end(membership: Membership, *, successor_id: UUID | None = None) -> None:
    if not membership.is_active:
        return
    now = timezone.now()
    membership.is_active, membership.successor_id = False, successor_id
    # Whoever lets them back in does not revive what they got in with before.
    membership.access_from = now
    membership.save(update_fields=["is_active", "successor", "access_from", "updated_at"])
    revoke_access(organization_id=membership.organization_id, user_id=membership.user_id)
    Invitation.objects.open().filter(invited_by=membership).update(revoked_at=now)
    unseat_everywhere(membership)
    # Their open pages show this organization; what they may still see elsewhere they load anew.
    realtime.close_sockets(user_id=membership.user_id)
    _tell(member_left, membership)
    logger.info(
        "Somebody left an organization.",
        extra={"metadata": {"action": "organizations.leave", "membership": str(membership.pk)}},
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
