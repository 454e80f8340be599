"""Services of API calls: Redis counts them, the ledger receives the sums."""

import re
from datetime import datetime
from uuid import UUID

from django.db import transaction

from crm.billing import counters
from crm.billing.managers import hold_alone
from crm.billing.metrics import Metric
from crm.billing.models import UsageRecord
from crm.billing.services.entitlements import Entitlements, terms_of

_COUNTED = "quota:api_calls"
_HEX = re.compile(r"[0-9a-f]{32}")


@transaction.atomic
def post_api_calls(*, organization_id: UUID) -> Entitlements:
    """Write the calls counted in Redis since the last run to the ledger, and refill the counter.

    Safe to repeat and to run concurrently: the difference is taken under the lock. Raise
    RedisError, with nothing changed.
    """
    hold_alone(organization_id, Metric.API_CALLS)
    found = counters.read(organization_id, Metric.API_CALLS)
    if found is not None:
        _post(organization_id, *found)
    terms = terms_of(organization_id)
    period_start = terms.subscription.period_start
    counters.fill_at_least(
        organization_id,
        Metric.API_CALLS,
        stamp=period_start.isoformat(),
        used=UsageRecord.objects.total(organization_id, Metric.API_CALLS, period_start),
        limit=terms.limits[Metric.API_CALLS],
        until=terms.subscription.period_end.timestamp(),
    )
    counters.remember(_COUNTED, organization_id.hex)
    return terms


def organizations_with_calls() -> list[UUID]:
    """Return the organizations that have counted API calls in Redis."""
    return [UUID(hex=name) for name in counters.remembered(_COUNTED) if _HEX.fullmatch(name)]


def _post(organization_id: UUID, stamp: str, used: int) -> None:
    try:
        period_start = datetime.fromisoformat(stamp)
    except ValueError:
        # Not a counter that this installation filled: nothing is known from it.
        return
    posted = UsageRecord.objects.total(organization_id, Metric.API_CALLS, period_start)
    if used <= posted:
        return
    UsageRecord.objects.create(
        organization_id=organization_id,
        metric=Metric.API_CALLS,
        # A counter that was lost and counts again from the ledger's sum goes past it only once.
        key=f"{stamp}/{used}",
        amount=used - posted,
        period_start=period_start,
    )
