"""Amounts of deals in the organization's own currency, when rates or that currency change."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import (
    Case,
    DecimalField,
    Expression,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Round

from crm.core.money import MAX_AMOUNT, PLACES, decimals_of
from crm.deals.models import Deal, DealMove, Status
from crm.organizations.services.currencies import base_currency, rates_of_today

# Deals that a request waits for; more are left to a task.
AT_ONCE = 1_000
BATCH = 2_000
_AMOUNT: Any = DecimalField(max_digits=20, decimal_places=PLACES)


@transaction.atomic
def refresh_soon(organization_id: UUID, *, closed_too: bool = False) -> None:
    """Refresh the amounts: at once if they are few, else by a task after the commit."""
    if not refresh_amounts(organization_id, most=AT_ONCE, closed_too=closed_too):
        given = {"organization_id": str(organization_id), "closed_too": closed_too}
        transaction.on_commit(
            lambda: current_app.send_task("deals.refresh_amounts", kwargs=given), robust=True
        )


def refresh_all(organization_id: UUID, *, closed_too: bool) -> None:
    """Refresh the amounts in transactions of BATCH deals."""
    while not refresh_amounts(organization_id, most=BATCH, closed_too=closed_too):
        pass


@transaction.atomic
def refresh_amounts(organization_id: UUID, *, most: int, closed_too: bool = False) -> bool:
    """Store the amounts of at most so many deals by today's rates. Return whether all are right.

    An amount without a rate, or one that is too large, is NULL. A closed deal keeps what it was
    worth when it was closed, unless that is not known or ``closed_too``.
    """
    base = base_currency(organization_id)
    rates = rates_of_today(organization_id) | {base: Decimal(1)}
    stale = _stale(organization_id, base, rates, closed_too=closed_too)
    ids = list(stale.order_by("pk").values_list("pk", flat=True)[: most + 1])
    chosen = Deal.objects.filter(pk__in=ids[:most])
    chosen.update(amount_base=_in_base(base, rates))
    if closed_too:
        # What they were worth in another currency says nothing any more.
        present = Deal.objects.filter(pk=OuterRef("deal")).values("amount_base")
        DealMove.objects.filter(deal__in=ids[:most]).update(amount_base=Subquery(present))
    return len(ids) <= most


def _stale(
    organization_id: UUID, base: str, rates: Mapping[str, Decimal], *, closed_too: bool
) -> "QuerySet[Deal]":
    found = Deal.objects.filter(organization_id=organization_id, amount__isnull=False)
    if not closed_too:
        found = found.filter(Q(status=Status.OPEN) | Q(amount_base__isnull=True))
    known = found.annotate(now=_in_base(base, rates))
    return known.filter(
        Q(now__isnull=True, amount_base__isnull=False)
        | Q(now__isnull=False, amount_base__isnull=True)
        | ~Q(amount_base=F("now"))
    )


def _in_base(base: str, rates: Mapping[str, Decimal]) -> Expression:
    """Return a deal's amount in the base currency, by its rate; NULL without one."""
    places = decimals_of(base)
    whens = []
    for currency, rate in rates.items():
        product = Round(F("amount") * Value(rate, _AMOUNT), precision=places, output_field=_AMOUNT)
        fits = Q(currency=currency, amount__lte=MAX_AMOUNT / rate)
        whens.append(When(fits, then=product))
    return Case(*whens, default=None, output_field=_AMOUNT)
