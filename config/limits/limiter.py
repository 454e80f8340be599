"""Counting a request against its limits."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from redis.exceptions import RedisError

from config import brief_redis, metrics
from config.errors import StoreUnavailable, TooFast
from config.limits import gcra
from config.limits.rates import Rate, rate_of
from config.limits.subjects import redis_key
from config.outages import RETRY_SECONDS

logger = logging.getLogger(__name__)

Subjects = Mapping[str, UUID | str | None]

# Without the counters nobody gets in: a guesser must not gain from a Redis that is away.
CLOSED_WITHOUT_REDIS = frozenset({"log_in", "sign_up", "password_reset"})
# A Redis that is away is asked again after so long.
_LOCAL_SECONDS = 2.0
_local = gcra.LocalLimits()
_local_until = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands with one limit; times are seconds from now."""

    name: str
    rate: Rate
    remaining: int
    reset_after: float
    retry_after: float

    @property
    def is_refused(self) -> bool:
        return self.retry_after > 0


class Refusal(TooFast):
    """``standings`` says how the request stood with each of its limits."""

    def __init__(self, standings: list[Standing]) -> None:
        worst = max(standings, key=lambda each: each.retry_after)
        wait = max(1, math.ceil(worst.retry_after))
        super().__init__(extra={"retry_after": wait, "limit": worst.name})
        self.standings = standings


def enforce(endpoint: str, subjects: Subjects) -> list[Standing]:
    """Count one request against the limits of its endpoint, or refuse it and count nothing.

    ``subjects`` says whom to count, by kind: ``{"address": "192.0.2.7", "user": user.pk}``; a
    subject of None is nobody. Raises Refusal with ``retry_after`` in whole seconds. While Redis is
    away it raises StoreUnavailable for what lets people in, and counts in this process for others.
    """
    standings = standing_of(endpoint, subjects)
    if any(each.is_refused for each in standings):
        refusal = Refusal(standings)
        metrics.rate_limited_total.labels(limit=refusal.extra["limit"]).inc()
        raise refusal
    return standings


def standing_of(endpoint: str, subjects: Subjects) -> list[Standing]:
    """Count like ``enforce``, and leave it to the caller to refuse."""
    limits = _limits(endpoint, subjects)
    if not limits:
        return []
    keys = [(key, rate) for _name, key, rate in limits]
    levels = _take(endpoint, keys)
    return [
        Standing(
            name=name,
            rate=rate,
            remaining=max(0, math.floor(rate.burst - level.owed / rate.interval + 1e-6)),
            reset_after=level.owed,
            retry_after=level.wait,
        )
        for (name, _key, rate), level in zip(limits, levels, strict=True)
    ]


def forgive(endpoint: str, subjects: Subjects) -> None:
    """Forget what was counted; what Redis cannot forget now it forgets by itself later."""
    if keys := [key for _name, key, _rate in _limits(endpoint, subjects)]:
        try:
            brief_redis.client().delete(*keys)
        except RedisError:
            logger.warning("Attempts could not be forgotten: Redis does not answer.")


def _limits(endpoint: str, subjects: Subjects) -> list[tuple[str, str, Rate]]:
    limits = []
    for kind, subject in subjects.items():
        name = f"{endpoint}.{kind}"
        rate = rate_of(name)
        if rate is not None and subject is not None:
            limits.append((name, redis_key(endpoint=endpoint, kind=kind, subject=subject), rate))
    return limits


def _take(endpoint: str, keys: list[tuple[str, Rate]]) -> list[gcra.Level]:
    global _local_until
    now = time.monotonic()
    is_closed = endpoint in CLOSED_WITHOUT_REDIS
    if not is_closed and (now < _local_until or not brief_redis.answers()):
        return _local.take(keys, now)
    try:
        return gcra.take(keys)
    except RedisError as error:
        brief_redis.note_failure(error)
        if is_closed:
            raise StoreUnavailable(extra={"retry_after": RETRY_SECONDS}) from error
        if now >= _local_until:
            logger.warning(
                "Limits are counted by each process for itself: Redis does not answer.",
                extra={"metadata": {"action": "limits.local", "endpoint": endpoint}},
            )
        _local_until = time.monotonic() + _LOCAL_SECONDS
        return _local.take(keys, now)
