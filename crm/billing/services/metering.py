"""Services of metering: count a use once, and never more than the plan allows."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from redis.exceptions import RedisError

from crm.billing import counters
from crm.billing.counters import CounterResult
from crm.billing.managers import hold_alone
from crm.billing.metrics import METRIC_SPECS, Metric
from crm.billing.models import UsageRecord
from crm.billing.services.entitlements import stamp_of, terms_of
from crm.billing.services.subscriptions import subscription_of
from crm.billing.signals import quota_level_reached
from crm.core import quotas

logger = logging.getLogger(__name__)

# Per cent of a limit at which people are told.
LEVELS = (100, 80)


@dataclass(frozen=True, slots=True)
class Use:
    """``is_new``: not counted before; ``is_over``: beyond the limit, but accepted."""

    is_new: bool
    is_over: bool


class _Unusable(Exception):
    """The counter is unavailable or outdated; use the ledger."""


@transaction.atomic
def consume(*, organization_id: UUID, metric: Metric, key: str, amount: int = 1) -> Use:
    """Count a use once under its key, in the transaction of the operation.

    The ledger's row comes first, under a shared lock; then Redis counts it, or refuses and the row
    is deleted again. Where Redis is unavailable or its counter is not filled, the lock is taken
    exclusively and the ledger itself is summed: slower, and as exact. Raise QuotaExceeded, except
    for metrics that are never refused.
    """
    try:
        with transaction.atomic():
            return _counted(organization_id, metric, key, amount)
    except (_Unusable, RedisError):
        # The savepoint gave the shared lock back, so those who come here do not block each other.
        return _summed(organization_id, metric, key, amount)


def check_quota(metric: str, *, organization_id: UUID, amount: int = 1) -> None:
    """Raise QuotaExceeded beyond the limit of a level. See `crm.core.quotas.check_quota`."""
    if not connection.in_atomic_block:
        raise RuntimeError("Room is held by a transaction; there is none.")
    terms = terms_of(organization_id)
    limit = terms.limits[metric]
    if limit is None:
        return
    slack = METRIC_SPECS[Metric(metric)].slack
    used = None if slack is None else quotas.measured(metric, organization_id)
    if used is None or used + amount + (slack or 0) > limit:
        hold_alone(organization_id, metric)
        used = quotas.measured(metric, organization_id)
        if used + amount > limit:
            raise terms.refusal(metric, used)
    record_level(organization_id, metric, before=used, after=used + amount, limit=limit)


def record_level(
    organization_id: UUID, metric: str, *, before: int, after: int, limit: int | None
) -> None:
    """Send ``quota_level_reached`` after the commit if this step crossed a notification level."""
    if not limit:
        return
    stepped = [level for level in LEVELS if before * 100 < limit * level <= after * 100]
    if not stepped:
        return
    payload = {"organization_id": organization_id, "metric": str(metric), "level": stepped[0]}
    transaction.on_commit(
        lambda: quota_level_reached.send_robust(sender=UsageRecord, **payload), robust=True
    )


def _counted(organization_id: UUID, metric: Metric, key: str, amount: int) -> Use:
    added = UsageRecord.objects.add(
        organization_id=organization_id, metric=metric, key=key, amount=amount, alone=False
    )
    if added is None:
        if _is_there(organization_id, metric, key):
            return Use(is_new=False, is_over=False)
        raise _Unusable
    count = counters.take(
        organization_id,
        metric,
        stamp=stamp_of(added.period_start, added.version),
        amount=amount,
        refuses=METRIC_SPECS[metric].is_refused,
    )
    if count.answer == CounterResult.COLD:
        raise _Unusable
    if count.answer == CounterResult.REFUSED:
        raise terms_of(organization_id).refusal(metric, count.used)
    return _used(organization_id, metric, used=count.used, amount=amount, limit=count.limit)


def _summed(organization_id: UUID, metric: Metric, key: str, amount: int) -> Use:
    hold_alone(organization_id, metric)
    terms = terms_of(organization_id)
    added = UsageRecord.objects.add(
        organization_id=organization_id, metric=metric, key=key, amount=amount, alone=True
    )
    if added is None:
        if _is_there(organization_id, metric, key):
            return Use(is_new=False, is_over=False)
        # The period ended between the two statements.
        subscription_of(organization_id)
        return _summed(organization_id, metric, key, amount)
    used = UsageRecord.objects.total(organization_id, metric, added.period_start)
    limit = terms.limits[metric]
    if METRIC_SPECS[metric].is_refused and limit is not None and used > limit:
        with suppress(RedisError):
            counters.fill(
                organization_id, metric, stamp=terms.stamp, used=used - amount, limit=limit
            )
        raise terms.refusal(metric, used - amount)
    with suppress(RedisError):
        counters.fill(organization_id, metric, stamp=terms.stamp, used=used, limit=limit)
    return _used(organization_id, metric, used=used, amount=amount, limit=limit)


def _used(
    organization_id: UUID, metric: Metric, *, used: int, amount: int, limit: int | None
) -> Use:
    record_level(organization_id, metric, before=used - amount, after=used, limit=limit)
    return Use(is_new=True, is_over=limit is not None and used > limit)


def _is_there(organization_id: UUID, metric: Metric, key: str) -> bool:
    return UsageRecord.objects.of(organization_id).filter(metric=metric, key=key).exists()
