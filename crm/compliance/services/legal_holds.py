"""Services of legal holds and erasure."""

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from crm.compliance.actor import current_actor
from crm.compliance.errors import (
    HoldNotFound,
    HoldReasonInvalid,
    TooManyHolds,
    UnderLegalHold,
    UnknownHoldSubject,
)
from crm.compliance.model_tracking import tracked
from crm.compliance.models import LegalHold
from crm.compliance.services.retention import MONTHS
from crm.core.observability.tracing import current_correlation_id
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.stored_text import require_room
from crm.core.text.folding import identity_key
from crm.core.text.normalization import is_blank, normalize
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, User

# Active ones.
MAX_HOLDS = 500
SUBJECT = re.compile(r"(customer|user):([0-9a-f-]{36})")


@transaction.atomic
def place_hold(*, by: Principal, reason: str, subject: str = "") -> LegalHold:
    """Place a legal hold on a subject, or on the whole organization.

    Safe to repeat: an active hold on the subject with the same reason, in any spelling that
    `identity_key` folds to one, is returned. Raise HoldReasonInvalid, UnknownHoldSubject,
    TooManyHolds, Forbidden, and QuotaExceeded beyond the plan's text.
    """
    reason = _reason(reason)
    require(by, Module.SETTINGS, WRITE)
    organization_id = by.organization_id
    # The organization's row is the lock between holding and erasing.
    Organization.objects.select_for_update().get(pk=organization_id)
    _lock_months()
    if subject and not is_subject(subject, by=by):
        raise UnknownHoldSubject(extra={"field": "subject"})
    active = LegalHold.objects.active().filter(organization_id=organization_id)
    for hold in active.filter(subject=subject):
        if identity_key(hold.reason) == identity_key(reason):
            return hold
    if active.count() >= MAX_HOLDS:
        raise TooManyHolds
    placed = LegalHold.objects.create(
        organization_id=organization_id,
        subject=subject,
        reason=reason,
        placed_by_id=by.user_id,
    )
    require_room(organization_id)
    return placed


@transaction.atomic
def lift_hold(*, by: Principal, hold_id: UUID, reason: str) -> LegalHold:
    """Lift a legal hold; other holds on the same subject stay.

    Raise HoldReasonInvalid or HoldNotFound.
    """
    reason = _reason(reason)
    require(by, Module.SETTINGS, WRITE)
    hold = LegalHold.objects.visible_to(by).active().select_for_update().filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFound
    hold.lifted_at = timezone.now()
    hold.lifted_by_id = by.user_id
    hold.lift_reason = reason
    hold.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    return hold


def _reason(text: str) -> str:
    """Return a reason as it is stored. Raise HoldReasonInvalid if nothing of it can be read, or if
    it is too long.
    """
    reason = normalize(text)
    longest = LegalHold._meta.get_field("reason").max_length
    if is_blank(reason) or len(reason) > (longest or 0):
        raise HoldReasonInvalid(extra={"field": "reason"})
    return reason


def is_subject(subject: str, *, by: Principal) -> bool:
    """Return whether ``customer:<id>`` or ``user:<id>`` belongs to this organization.

    A customer whom the principal may not see is none: who administers may have no right to them.
    """
    found = SUBJECT.fullmatch(subject)
    if found is None:
        return False
    kind, text = found.groups()
    try:
        wanted = UUID(text)
    except ValueError:
        return False
    if kind == "user":
        members = Membership.objects.in_organization(by.organization_id)
        return members.filter(user_id=wanted).exists()
    return Customer.objects.visible_to(by).filter(pk=wanted).exists()


def subjects_named(kind: str, who: str, *, by: Principal) -> list[str]:
    """Return subjects of a kind by an id or an email address; at most two."""
    if is_subject(f"{kind}:{who.lower()}", by=by):
        return [f"{kind}:{who.lower()}"]
    ids: QuerySet[Any, Any]
    if kind == "user":
        members = Membership.objects.in_organization(by.organization_id)
        address = User.objects.normalize_email(who)
        is_called = Q(is_active=True, user__email=address) | Q(is_active=False, left_email=address)
        ids = members.filter(is_called).values_list("user_id")
    else:
        ids = Customer.objects.visible_to(by).filter(email=who).values_list("pk")
    return [f"{kind}:{found}" for (found,) in ids[:2]]


def held_rows(organization_id: UUID, model: type[Model], ids: Collection[UUID]) -> set[UUID]:
    """Return the ids of those rows of a model of subjects that are under a legal hold."""
    kinds = {each.subject[0] for each in tracked() if each.model is model and each.subject}
    if not ids or not kinds:
        return set()
    subjects = {f"{kind}:{pk}": pk for kind in kinds for pk in ids}
    holds = LegalHold.objects.active().filter(
        organization_id=organization_id, subject__in=["", *subjects]
    )
    held = set(holds.values_list("subject", flat=True))
    return set(ids) if "" in held else {subjects[each] for each in held}


def _lock_months() -> None:
    """Take the shared lock that excludes a concurrent removal of months."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext(%s))", [MONTHS])


@transaction.atomic
def erase_values(*, organization_id: UUID, subject: str) -> int:
    """Erase the values that the audit holds of a subject (``customer:<id>``, ``user:<id>``).

    Of a user also the addresses. The entries and their hashes stay. Return the number of erased
    values. Raise UnderLegalHold.
    """
    Organization.objects.select_for_update().get(pk=organization_id)
    if LegalHold.objects.on(organization_id, subject).exists():
        raise UnderLegalHold
    actor = current_actor()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextflow_audit_erase(%s, %s, %s, %s, %s)",
            [organization_id, subject, actor.kind, actor.id, current_correlation_id() or ""],
        )
        return int(cursor.fetchone()[0])
