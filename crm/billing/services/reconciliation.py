"""Services that compare the counters with the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from crm.billing import counters
from crm.billing.managers import hold_alone
from crm.billing.metrics import COUNTED, LEDGERED, Metric
from crm.billing.models import Subscription, UsageRecord
from crm.billing.services.entitlements import terms_of

BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    organization_id: UUID
    metric: Metric
    ledger: int
    counter: int


def compare(*, organization_id: UUID, repair: bool) -> list[Difference]:
    """Compare an organization's counters with its ledger; ``repair`` sets them from the ledger.

    Under the lock of each metric no operation is between counter and ledger, so a difference is
    real: from a transaction that was rolled back after Redis had counted, or from data loss in
    Redis. Raise RedisError.
    """
    found = (_compare(organization_id, metric, repair=repair) for metric in COUNTED)
    return [difference for difference in found if difference is not None]


def organizations() -> Iterator[UUID]:
    """Yield every organization with a subscription, in batches by key."""
    last = None
    while True:
        batch = Subscription.objects.order_by("organization_id")
        if last is not None:
            batch = batch.filter(organization_id__gt=last)
        ids = list(batch.values_list("organization_id", flat=True)[:BATCH])
        if not ids:
            return
        yield from ids
        last = ids[-1]


@transaction.atomic
def _compare(organization_id: UUID, metric: Metric, *, repair: bool) -> Difference | None:
    hold_alone(organization_id, metric)
    terms = terms_of(organization_id)
    period_start = terms.subscription.period_start
    found = counters.read(organization_id, metric)
    stamp = terms.stamp if metric in LEDGERED else period_start.isoformat()
    if found is None or found[0] != stamp:
        # Not filled, or of other terms: it counts nothing before it is filled from the ledger.
        return None
    ledger = UsageRecord.objects.total(organization_id, metric, period_start)
    counter = found[1]
    # Of sums the counter is ahead until they are posted; it is never behind.
    if ledger == counter or (metric not in LEDGERED and counter > ledger):
        return None
    if repair:
        limit = terms.limits[metric]
        if metric in LEDGERED:
            counters.fill(organization_id, metric, stamp=stamp, used=ledger, limit=limit)
        else:
            until = terms.subscription.period_end.timestamp()
            counters.fill_at_least(
                organization_id, metric, stamp=stamp, used=ledger, limit=limit, until=until
            )
    return Difference(organization_id, metric, ledger, counter)
