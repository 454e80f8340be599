"""The generic cell rate algorithm, exact at every instant.

A key holds the theoretical arrival time. A request advances it by one interval, and is rejected
where it would exceed the present by more than the burst. There is no window at whose boundary twice
the limit could pass. Several units advance it by as many intervals.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from redis.commands.core import Script

from crm.core import redis_circuit_breaker
from crm.core.ratelimit.rates import Rate
from crm.core.redis_values import SCRIPT_PRELUDE

_MICRO = 1_000_000
_REMEMBERED = 20_000

# All or nothing, by Redis's own clock: a request that one limit refuses uses up no other. Moments
# are microseconds, which a double holds exactly; as text they must not be rounded.
_TAKE = """
local rates, units = (#ARGV - 1) / 2, tonumber(ARGV[#ARGV])
for i, key in ipairs(KEYS) do expect(key, i <= rates and 'string' or 'hash') end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local moments, refused, answer = {}, false, {}
for i = 1, rates do
  local key = KEYS[i]
  local step, ahead = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local moment = math.max(now, math.min(now + ahead, number(redis.call('GET', key))))
  local wait = moment + step - now - ahead
  moments[i] = moment
  if wait > 0 then refused = true end
  answer[2 * i - 1] = moment - now
  answer[2 * i] = math.max(0, wait)
end
if not refused then
  for i = 1, rates do
    local key = KEYS[i]
    local moment = moments[i] + tonumber(ARGV[2 * i - 1])
    redis.call('SET', key, string.format('%.0f', moment), 'PX',
               math.ceil((moment - now) / 1000))
    answer[2 * i - 1] = moment - now
  end
end
local counter = KEYS[rates + 1]
if not counter then return answer end
local spent = {-1, 0, 0}
if not refused then
  local found = redis.call('HMGET', counter, 'used', 'limit', 'until')
  local used, limit = tonumber(found[1] or ''), tonumber(found[2] or '')
  if not used or not limit or number(found[3]) * 1000000 <= now then
    spent = {0, 0, 0}
  else
    if limit >= 0 and used + units > limit then
      spent = {2, used, limit}
    else
      spent = {1, add(counter, 'used', units), limit}
    end
  end
end
for i = 1, 3 do answer[2 * rates + i] = spent[i] end
return answer
"""


@dataclass(frozen=True, slots=True)
class BucketLevel:
    """The state of a key: seconds until the burst is full again, and until a retry may succeed."""

    owed: float
    wait: float


class QuotaCharge(IntEnum):
    """UNASKED: a rate was exceeded first. COLD: there is no counter, or it has expired."""

    UNASKED = -1
    COLD = 0
    COUNTED = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class QuotaResult:
    """The state of a cumulative counter; ``limit`` None is unlimited."""

    spending: QuotaCharge
    used: int
    limit: int | None


def _at_most(units: int, rate: Rate) -> int:
    """Return how many of so many units are counted.

    What a request stands for is counted after the request itself. Beside it the burst must hold
    them, or it could never be allowed.
    """
    return max(1, min(units, rate.burst - 1)) if units > 1 else units


@cache
def _script() -> Script:
    return redis_circuit_breaker.client().register_script(SCRIPT_PRELUDE + _TAKE)


def take(limits: Sequence[tuple[str, Rate]], units: int = 1) -> list[BucketLevel]:
    """Consume so many units of each key, or of none; one atomic round trip."""
    return take_and_spend(limits, None, units)[0]


def take_and_spend(
    limits: Sequence[tuple[str, Rate]], counter: str | None, units: int = 1
) -> tuple[list[BucketLevel], QuotaResult | None]:
    """Do the same, and in the same step count on a hash with ``used``, ``limit`` and ``until``."""
    arguments: list[int] = []
    for _key, rate in limits:
        interval = max(1, round(rate.interval * _MICRO))
        arguments += [interval * _at_most(units, rate), interval * rate.burst]
    keys = [key for key, _rate in limits]
    answer: Any = _script()(
        keys=[*keys, counter] if counter else keys,
        args=[*arguments, units],
        client=redis_circuit_breaker.client(),
    )
    spent = None
    if counter:
        spending, used, limit = answer[-3:]
        spent = QuotaResult(QuotaCharge(spending), int(used), None if limit < 0 else int(limit))
        answer = answer[:-3]
    levels = [
        BucketLevel(owed=owed / _MICRO, wait=wait / _MICRO)
        for owed, wait in zip(answer[::2], answer[1::2], strict=True)
    ]
    return levels, spent


class LocalLimits:
    """The same in this process, while Redis is unavailable; the least recently used are dropped."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._moments: OrderedDict[str, float] = OrderedDict()
        self._remembered = remembered
        self._lock = threading.Lock()

    def take(
        self, limits: Sequence[tuple[str, Rate]], now: float, units: int = 1
    ) -> list[BucketLevel]:
        steps = [rate.interval * _at_most(units, rate) for _key, rate in limits]
        with self._lock:
            moments = [max(now, self._moments.get(key, 0.0)) for key, _rate in limits]
            waits = [
                max(0.0, moment + step - now - rate.window)
                for moment, step, (_key, rate) in zip(moments, steps, limits, strict=True)
            ]
            # A rounding of the clock is no refusal.
            waits = [wait if wait > 1e-6 else 0.0 for wait in waits]
            if not any(waits):
                for number, (key, _rate) in enumerate(limits):
                    moments[number] += steps[number]
                    self._moments[key] = moments[number]
                    self._moments.move_to_end(key)
                while len(self._moments) > self._remembered:
                    self._moments.popitem(last=False)
            return [
                BucketLevel(owed=moment - now, wait=wait)
                for moment, wait in zip(moments, waits, strict=True)
            ]

    def clear(self) -> None:
        with self._lock:
            self._moments.clear()
