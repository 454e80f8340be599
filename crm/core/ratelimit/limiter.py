"""Counting of a request against its limits."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from redis.exceptions import RedisError

from crm.core import redis_circuit_breaker
from crm.core.errors import StoreUnavailable, TooFast
from crm.core.observability import metrics
from crm.core.ratelimit import gcra
from crm.core.ratelimit.gcra import QuotaResult
from crm.core.ratelimit.keys import redis_key
from crm.core.ratelimit.rates import Rate, rate_of
from crm.core.store_errors import RETRY_SECONDS

logger = logging.getLogger(__name__)

Subjects = Mapping[str, UUID | str | None]

# Refused without the counters: an outage of Redis must not allow unlimited guesses.
CLOSED_WITHOUT_REDIS = frozenset({"log_in", "sign_up", "password_reset"})
# Seconds until a Redis that failed is tried again.
_LOCAL_SECONDS = 2.0
_local = gcra.LocalLimits()
_local_until = 0.0


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The state of a request for one limit; times are seconds from now."""

    name: str
    rate: Rate
    remaining: int
    reset_after: float
    retry_after: float

    @property
    def is_refused(self) -> bool:
        return self.retry_after > 0


class RateLimitExceeded(TooFast):
    """``statuses`` holds the request's state for each of its limits."""

    def __init__(self, statuses: list[LimitStatus]) -> None:
        worst = max(statuses, key=lambda each: each.retry_after)
        wait = max(1, math.ceil(worst.retry_after))
        super().__init__(extra={"retry_after": wait, "limit": worst.name})
        self.statuses = statuses


def enforce(endpoint: str, subjects: Subjects, units: int = 1) -> list[LimitStatus]:
    """Count one request against the limits of its endpoint, or raise and count nothing.

    A request that does the work of several is counted as so many ``units``.
    ``subjects`` maps kinds to keys: ``{"address": "192.0.2.7", "user": user.pk}``; None is skipped.
    Raise RateLimitExceeded with ``retry_after`` in whole seconds. Without Redis, raise
    StoreUnavailable for authentication endpoints and count in this process for the others.
    """
    return _allowed(_count(endpoint, subjects, None, units)[0])


def enforce_and_spend(
    endpoint: str, subjects: Subjects, counter: str, units: int = 1
) -> tuple[list[LimitStatus], QuotaResult | None]:
    """Do what ``enforce`` does and count on ``counter`` too, in the same round trip.

    ``counter`` names a hash as in `gcra`. Without Redis nothing is counted there and None is
    returned.
    """
    statuses, spent = _count(endpoint, subjects, counter, units)
    return _allowed(statuses), spent


def count_request(endpoint: str, subjects: Subjects) -> list[LimitStatus]:
    """Count one request like ``enforce``; return the state of each limit instead of raising."""
    return _count(endpoint, subjects, None)[0]


def _allowed(statuses: list[LimitStatus]) -> list[LimitStatus]:
    if any(each.is_refused for each in statuses):
        refusal = RateLimitExceeded(statuses)
        metrics.rate_limited_total.labels(limit=refusal.extra["limit"]).inc()
        raise refusal
    return statuses


def _count(
    endpoint: str, subjects: Subjects, counter: str | None, units: int = 1
) -> tuple[list[LimitStatus], QuotaResult | None]:
    limits = _limits(endpoint, subjects)
    if not limits and counter is None:
        return [], None
    keys = [(key, rate) for _name, key, rate in limits]
    levels, spent = _take(endpoint, keys, counter, units)
    statuses = [
        LimitStatus(
            name=name,
            rate=rate,
            remaining=max(0, math.floor(rate.burst - level.owed / rate.interval + 1e-6)),
            reset_after=level.owed,
            retry_after=level.wait,
        )
        for (name, _key, rate), level in zip(limits, levels, strict=True)
    ]
    return statuses, spent


def reset(endpoint: str, subjects: Subjects) -> None:
    """Reset the counts; without Redis, they expire by themselves."""
    if keys := [key for _name, key, _rate in _limits(endpoint, subjects)]:
        try:
            redis_circuit_breaker.client().delete(*keys)
        except RedisError:
            logger.warning("Attempts could not be reset: Redis does not answer.")


def _limits(endpoint: str, subjects: Subjects) -> list[tuple[str, str, Rate]]:
    limits = []
    for kind, subject in subjects.items():
        name = f"{endpoint}.{kind}"
        rate = rate_of(name)
        if rate is not None and subject is not None:
            limits.append((name, redis_key(endpoint=endpoint, kind=kind, subject=subject), rate))
    return limits


def _take(
    endpoint: str, keys: list[tuple[str, Rate]], counter: str | None, units: int
) -> tuple[list[gcra.BucketLevel], QuotaResult | None]:
    global _local_until
    now = time.monotonic()
    is_closed = endpoint in CLOSED_WITHOUT_REDIS
    if not is_closed and (now < _local_until or not redis_circuit_breaker.answers()):
        return _local.take(keys, now, units), None
    try:
        return gcra.take_and_spend(keys, counter, units)
    except RedisError as error:
        redis_circuit_breaker.record_failure(error)
        if is_closed:
            raise StoreUnavailable(extra={"retry_after": RETRY_SECONDS}) from error
        if now >= _local_until:
            logger.warning(
                "Limits are counted by each process for itself: Redis does not answer.",
                extra={"metadata": {"action": "limits.local", "endpoint": endpoint}},
            )
        _local_until = time.monotonic() + _LOCAL_SECONDS
        return _local.take(keys, now, units), None
