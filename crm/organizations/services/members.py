"""Services of members and memberships: add, deactivate, reactivate, leave, edit one's profile."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext

from crm.core import realtime, tenancy
from crm.core.database.compiled import CompiledSelect
from crm.core.permissions import READ, WRITE, Module, Principal, can_access, require_grant
from crm.core.permissions.errors import GrantsTooMuch
from crm.core.revocation import revoke_access
from crm.core.text.normalization import isolate
from crm.core.versions import check_version
from crm.organizations.errors import (
    AlreadyDeactivated,
    MemberNotFound,
    NotYourself,
    OwnersOnly,
    UnknownSuccessor,
)
from crm.organizations.models import Invitation, Membership, Role, User
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
LEFT_FIELDS = ("left_name", "left_email", "left_search_text")
# Under which a session keeps the organization that it runs as.
SESSION_KEY = "organization_id"


def _admitted(*, user_id: UUID, organization_id: UUID, granted_at: datetime) -> MembershipQuerySet:
    return (
        Membership.objects.filter(user_id=user_id, organization_id=organization_id)
        .admitting(granted_at)
        .with_rights()
    )


# Of each request of a session.
_ADMITTED = CompiledSelect(_admitted, user_id=UUID, organization_id=UUID, granted_at=datetime)


def current_membership(
    *, user: User, organization_id: str | None, granted_at: datetime
) -> Membership | None:
    """Return the membership a session runs as: the chosen organization's, else the oldest.

    ``granted_at`` is the time of the log-in.
    """
    if organization_id is not None:
        # The session's word says where to look, and nothing more: the row must be there.
        chosen = _admitted_to(UUID(organization_id), user, granted_at)
        if chosen is not None:
            return chosen
    with tenancy.person(user.pk):
        theirs = Membership.objects.of(user).admitting(granted_at)
        oldest = theirs.values_list("organization_id", flat=True).first()
    return None if oldest is None else _admitted_to(oldest, user, granted_at)


def _admitted_to(organization_id: UUID, user: User, granted_at: datetime) -> Membership | None:
    with tenancy.organization(organization_id):
        return _ADMITTED.first(
            user_id=user.pk, organization_id=organization_id, granted_at=granted_at
        )


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


@transaction.atomic
def deactivate_member(
    *, by: Principal, membership_id: UUID, successor_id: UUID | None = None
) -> Membership:
    """Deactivate a member and end their access; what they wrote stays under their name.

    Their open conversations go to the member ``successor_id`` or become unassigned. Raise
    MemberNotFound, NotYourself, OwnersOnly, LastOwner, UnknownSuccessor, Forbidden,
    AlreadyDeactivated where somebody chose another successor before, and GrantsTooMuch where that
    would show conversations to whom the principal may not show them.
    """
    by = enter_settings(by)
    membership = _locked(by.organization_id, membership_id)
    if isinstance(by, Membership) and by.pk == membership.pk:
        raise NotYourself
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, membership.rights)
    if not membership.is_active and membership.successor_id != successor_id:
        raise _already_deactivated(membership)
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
        for name in LEFT_FIELDS:
            setattr(membership, name, "")
        membership.save(update_fields=["is_active", "successor", *LEFT_FIELDS, "updated_at"])
        _send_signal(member_joined, membership)
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


def _already_deactivated(membership: Membership) -> AlreadyDeactivated:
    chosen = membership.successor
    name = isolate(chosen.user.name) if chosen else gettext("nobody, they are unassigned")
    return AlreadyDeactivated(gettext(AlreadyDeactivated.message) % {"successor": name})


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
    user = membership.user
    membership.left_name, membership.left_email = user.name, user.email
    membership.left_search_text = user.search_text
    membership.save(
        update_fields=["is_active", "successor", "access_from", *LEFT_FIELDS, "updated_at"]
    )
    revoke_access(organization_id=membership.organization_id, user_id=membership.user_id)
    Invitation.objects.open().filter(invited_by=membership).update(revoked_at=now)
    unseat_everywhere(membership)
    # Their open pages show this organization; what they may still see elsewhere they load anew.
    realtime.close_sockets(user_id=membership.user_id)
    _send_signal(member_left, membership)
    logger.info(
        "Somebody left an organization.",
        extra={"metadata": {"action": "organizations.leave", "membership": str(membership.pk)}},
    )


def _send_signal(signal: Signal, membership: Membership) -> None:
    payload = {
        "organization_id": membership.organization_id,
        "membership_id": membership.pk,
        "user_id": membership.user_id,
    }
    transaction.on_commit(lambda: signal.send_robust(sender=Membership, **payload), robust=True)


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
