"""Services of impersonation: start, check, end."""

import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from crm.authentication.errors import CannotImpersonate, ReasonTooShort
from crm.authentication.models import Impersonation, ImpersonationEndReason
from crm.core import realtime, tenancy
from crm.organizations.models import Membership, User

logger = logging.getLogger(__name__)

# What the operator's session keeps of it.
SESSION_KEY = "impersonation"
PERMISSION = "authentication.add_impersonation"
SHORTEST_REASON = 10
SWEEP_BATCH = 500


@transaction.atomic
def start_impersonation(
    *, operator: User, login: UUID, membership_id: UUID, reason: str, may_change: bool
) -> Impersonation:
    """Start a time-limited impersonation of a member, recorded in the organization's audit.

    Raise CannotImpersonate or ReasonTooShort.
    """
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise ReasonTooShort
    # One after another: each ends what the same session began before.
    User.objects.select_for_update(no_key=True).get(pk=operator.pk)
    membership = Membership.objects.active().filter(pk=membership_id).first()
    if membership is None or not may_impersonate(operator, membership.user):
        raise CannotImpersonate
    end_impersonations(logins=[login], because=ImpersonationEndReason.STOPPED)
    now = timezone.now()
    impersonation = Impersonation.objects.create(
        organization_id=membership.organization_id,
        operator=operator,
        user_id=membership.user_id,
        login=login,
        reason=reason[:500],
        may_change=may_change,
        started_at=now,
        ends_at=now + timedelta(minutes=settings.IMPERSONATION_MINUTES),
    )
    _log("An operator sees the application as somebody else.", "started", impersonation)
    return impersonation


def impersonated_membership(
    *, session: SessionBase, operator: User, login: str
) -> tuple[Membership | None, bool]:
    """Return the impersonated membership of an operator's session, and whether it has just ended.

    The membership carries its ``impersonation``. An impersonation is ended here when its time is
    over, the operator lost the permission or the member is no longer active.
    """
    kept = session.get(SESSION_KEY)
    if kept is None:
        return None, False
    with tenancy.person(operator.pk):
        mine = Impersonation.objects.unended().filter(pk=kept, login=login) if login else None
        impersonation = mine.first() if mine is not None else None
    membership = None
    if impersonation is not None:
        membership = _membership_of(impersonation)
        because = _why_over(impersonation, operator, membership)
        if because is not None:
            end_impersonation(impersonation=impersonation, because=because)
            membership = None
    if membership is None:
        del session[SESSION_KEY]
        return None, True
    membership.impersonation = impersonation
    return membership, False


@transaction.atomic
def end_impersonation(*, impersonation: Impersonation, because: ImpersonationEndReason) -> None:
    """End an impersonation and close its sockets. Safe to repeat."""
    with tenancy.person(impersonation.operator_id):
        _end([impersonation], because)


@transaction.atomic
def end_impersonations(*, logins: Collection[UUID], because: ImpersonationEndReason) -> None:
    """End the impersonations of these sessions; requires the scope in which those are visible."""
    _end(list(Impersonation.objects.unended().filter(login__in=list(logins))), because)


@transaction.atomic
def end_lapsed_impersonations() -> int:
    """End expired impersonations. Return their number."""
    over = Impersonation.objects.unended().filter(ends_at__lte=timezone.now())
    lapsed = list(over.order_by("ends_at")[:SWEEP_BATCH])
    _end(lapsed, ImpersonationEndReason.LAPSED)
    return len(lapsed)


def _membership_of(impersonation: Impersonation) -> Membership | None:
    with tenancy.organization(impersonation.organization_id):
        return (
            Membership.objects.admitting(impersonation.started_at)
            .with_rights()
            .filter(user_id=impersonation.user_id, organization_id=impersonation.organization_id)
            .first()
        )


def _why_over(
    impersonation: Impersonation, operator: User, membership: Membership | None
) -> ImpersonationEndReason | None:
    if not impersonation.is_live(timezone.now()):
        return ImpersonationEndReason.LAPSED
    if membership is None or not may_impersonate(operator, membership.user):
        return ImpersonationEndReason.NOT_ALLOWED
    return None


def may_impersonate(operator: User, person: User) -> bool:
    """Return whether an operator may impersonate this user."""
    if not (operator.is_active and operator.is_staff and operator.has_perm(PERMISSION)):
        return False
    # Nobody borrows another operator's powers.
    is_operator = person.is_staff or person.is_superuser
    return person.is_active and not is_operator and person.pk != operator.pk


def _end(impersonations: Sequence[Impersonation], because: ImpersonationEndReason) -> None:
    now = timezone.now()
    for impersonation in impersonations:
        changed = Impersonation.objects.unended().filter(pk=impersonation.pk)
        if changed.update(ended_at=now, ended_because=because):
            _log("An operator is themselves again.", because.value, impersonation)
        realtime.close_sockets(user_id=impersonation.user_id, logins=[str(impersonation.pk)])


def _log(sentence: str, what: str, impersonation: Impersonation) -> None:
    logger.info(
        sentence,
        extra={
            "metadata": {
                "action": "authentication.impersonation",
                "what": what,
                "impersonation": str(impersonation.pk),
                "operator": str(impersonation.operator_id),
                "as": str(impersonation.user_id),
                "organization": str(impersonation.organization_id),
            }
        },
    )
