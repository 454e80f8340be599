"""Counters in Redis, in front of the ledger: check and count in one step.

A counter is a hash: ``used``, ``limit`` (-1: none) and the ``stamp`` of the subscription's terms it
was filled under. A missing or outdated one counts nothing (COLD): it is filled from the ledger
first, under the lock of its metric.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, cast
from uuid import UUID

from redis.commands.core import Script
from redis.exceptions import RedisError

from crm.core import redis_circuit_breaker
from crm.core.redis_values import SCRIPT_PRELUDE, number_of, text_of

NO_LIMIT = -1
# A counter of a period that nobody counts in any more leaves by itself.
_KEPT_SECONDS = 100 * 24 * 3600

_TAKE = """
expect(KEYS[1], 'hash')
local found = redis.call('HMGET', KEYS[1], 'stamp', 'used', 'limit')
if found[1] ~= ARGV[1] then return {0, 0, 0} end
local used, limit = tonumber(found[2] or ''), tonumber(found[3] or '')
local amount = tonumber(ARGV[2])
if not used or not limit then return {0, 0, 0} end
if ARGV[3] == '1' and limit >= 0 and used + amount > limit then return {2, used, limit} end
return {1, add(KEYS[1], 'used', ARGV[2]), limit}
"""
_RAISE = """
expect(KEYS[1], 'hash')
local used = number(redis.call('HGET', KEYS[1], 'used'))
if redis.call('HGET', KEYS[1], 'stamp') == ARGV[1] and used > tonumber(ARGV[2]) then
  ARGV[2] = used
end
redis.call('HSET', KEYS[1], 'stamp', ARGV[1], 'used', ARGV[2], 'limit', ARGV[3], 'until', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return tonumber(ARGV[2])
"""
_REMEMBER = """
expect(KEYS[1], 'set')
return redis.call('SADD', KEYS[1], ARGV[1])
"""


class CounterResult(IntEnum):
    COLD = 0
    COUNTED = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class Count:
    answer: CounterResult
    used: int
    limit: int | None


def key_of(organization_id: UUID, metric: str) -> str:
    return f"quota:{organization_id.hex}:{metric}"


class Away(RedisError):
    """Redis timed out moments ago and is not tried again yet."""


@contextmanager
def _asked() -> Iterator[None]:
    """Guard a call of Redis; raise Away while the circuit breaker is open."""
    if not redis_circuit_breaker.answers():
        raise Away
    try:
        yield
    except RedisError as error:
        redis_circuit_breaker.record_failure(error)
        raise


def take(organization_id: UUID, metric: str, *, stamp: str, amount: int, refuses: bool) -> Count:
    """Add ``amount``, or refuse and count nothing; one round trip, atomic."""
    with _asked():
        answer: Any = _take()(
            keys=[key_of(organization_id, metric)],
            args=[stamp, amount, int(refuses)],
            client=redis_circuit_breaker.client(),
        )
    state, used, limit = answer
    return Count(CounterResult(state), int(used), None if limit < 0 else int(limit))


def fill(organization_id: UUID, metric: str, *, stamp: str, used: int, limit: int | None) -> None:
    """Set a counter; requires the lock of its metric."""
    key = key_of(organization_id, metric)
    pipe = redis_circuit_breaker.client().pipeline(transaction=True)
    pipe.hset(
        key,
        mapping={"stamp": stamp, "used": used, "limit": NO_LIMIT if limit is None else limit},
    )
    pipe.expire(key, _KEPT_SECONDS)
    with _asked():
        pipe.execute()


def fill_at_least(
    organization_id: UUID, metric: str, *, stamp: str, used: int, limit: int | None, until: float
) -> int:
    """Set a counter that is ahead of the ledger to at least ``used``. Return its value.

    ``until`` is the counter's expiry, in seconds since the epoch.
    """
    answer: Any = _raise()(
        keys=[key_of(organization_id, metric)],
        args=[stamp, used, NO_LIMIT if limit is None else limit, until, _KEPT_SECONDS],
        client=redis_circuit_breaker.client(),
    )
    return int(answer)


def close(organization_id: UUID, metric: str) -> None:
    """Expire a counter that is ahead of the ledger, so that it is filled again before use."""
    key = key_of(organization_id, metric)
    if redis_circuit_breaker.client().exists(key):
        redis_circuit_breaker.client().hset(key, "until", 0)


def read(organization_id: UUID, metric: str) -> tuple[str, int] | None:
    """Return stamp and count, None where there is no counter."""
    client, key = redis_circuit_breaker.client(), key_of(organization_id, metric)
    if client.type(key) != b"hash":
        return None
    stamp, used = cast("list[bytes | None]", client.hmget(key, ["stamp", "used"]))
    counted = number_of(used)
    return (text_of(stamp), int(counted)) if stamp is not None and counted is not None else None


def remember(key: str, member: str) -> None:
    """Add to a set of names. Raises RedisError."""
    _remember()(keys=[key], args=[member], client=redis_circuit_breaker.client())


def remembered(key: str) -> list[str]:
    """Return the members of a set of names; empty if the key has another type."""
    client = redis_circuit_breaker.client()
    if client.type(key) != b"set":
        return []
    return [text_of(name) for name in cast("set[bytes]", client.smembers(key))]


@cache
def _remember() -> Script:
    return redis_circuit_breaker.client().register_script(SCRIPT_PRELUDE + _REMEMBER)


@cache
def _take() -> Script:
    return redis_circuit_breaker.client().register_script(SCRIPT_PRELUDE + _TAKE)


@cache
def _raise() -> Script:
    return redis_circuit_breaker.client().register_script(SCRIPT_PRELUDE + _RAISE)
