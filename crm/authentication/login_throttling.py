"""Log-in throttling: each failure delays the next attempt, before a password is hashed.

Counted are an account from one address, an account from anywhere, and an address for any account.
There is no permanent lock: that would let an attacker keep users out. For the same reason, failures
from other addresses do not delay a user at an address where they have logged in before.
"""

import hashlib
import hmac
import math
import secrets
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import ngettext
from redis.commands.core import Script
from redis.exceptions import RedisError

from crm.authentication.errors import TooManyLogIns
from crm.core import stores
from crm.core.errors import StoreUnavailable
from crm.core.redis_values import SCRIPT_PRELUDE
from crm.core.store_errors import RETRY_SECONDS

FORGOTTEN_AFTER_SECONDS = 3600
KNOWN_PLACE_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Backoff:
    """``free`` failures without delay; then ``first`` seconds, doubled with every failure."""

    free: int
    first: int
    longest: int

    def wait_after(self, failures: int) -> int:
        if failures < self.free:
            return 0
        return int(min(self.longest, self.first * 2 ** min(failures - self.free, 30)))


PER_ACCOUNT_AND_PLACE = Backoff(free=5, first=5, longest=900)
PER_ACCOUNT = Backoff(free=20, first=5, longest=60)
PER_PLACE = Backoff(free=50, first=5, longest=900)
_PATIENCES = (PER_ACCOUNT_AND_PLACE, PER_ACCOUNT, PER_PLACE)

# An attempt counts as a failure until it is known to be none: many at the same moment gain nothing.
_ATTEMPT = """
for i = 1, 3 do expect(KEYS[i], 'hash') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_known = redis.call('EXISTS', KEYS[4]) == 1
local wait = 0
for i = 1, 3 do
  if not (i == 2 and is_known) then
    wait = math.max(wait, number(redis.call('HGET', KEYS[i], 'until')) - now)
  end
end
if wait > 0 then return wait end
for i = 1, 3 do
  local failures = add(KEYS[i], 'failures', 1)
  local free, first, longest = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local delay = 0
  if failures >= tonumber(free) then
    delay = math.min(longest * 1000, first * 1000 * 2 ^ math.min(failures - free, 30))
    redis.call('HSET', KEYS[i], 'until', string.format('%.0f', now + delay), 'by', ARGV[11])
  end
  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', delay + ARGV[10] * 1000))
end
return 0
"""
_SUCCESS = """
redis.call('DEL', KEYS[1])
for i = 2, 3 do
  expect(KEYS[i], 'hash')
  if number(redis.call('HGET', KEYS[i], 'failures')) > 0 then
    add(KEYS[i], 'failures', -1)
    if redis.call('HGET', KEYS[i], 'by') == ARGV[2] then
      redis.call('HDEL', KEYS[i], 'until', 'by')
    end
  end
end
redis.call('SET', KEYS[4], 1, 'EX', ARGV[1])
return 1
"""


@cache
def _script(text: str) -> Script:
    return stores.redis().register_script(SCRIPT_PRELUDE + text)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted password attempt, a failure until it proves successful."""

    email: str
    address: str
    id: str

    def kept(self) -> dict[str, str]:
        """Return it for storage in a session until the second factor is verified."""
        return asdict(self)


def count_attempt(*, email: str, address: str) -> Attempt:
    """Count an attempt as a failure, or raise while the caller has to wait.

    Raise TooManyLogIns with ``retry_after``, or StoreUnavailable: without the counters log-in is
    closed.
    """
    attempt = Attempt(email=email, address=address, id=secrets.token_hex(8))
    arguments = [number for each in _PATIENCES for number in (each.free, each.first, each.longest)]
    try:
        answer: Any = _script(_ATTEMPT)(
            keys=_keys(email, address),
            args=[*arguments, FORGOTTEN_AFTER_SECONDS, attempt.id],
            client=stores.redis(),
        )
    except RedisError as error:
        raise StoreUnavailable(extra={"retry_after": RETRY_SECONDS}) from error
    if answer > 0:
        raise too_many(math.ceil(answer / 1000))
    return attempt


def count_success(attempt: Attempt) -> None:
    """Reset this account's failures at this address after a successful log-in.

    Of the other counters only this one attempt is subtracted, once: with one valid account an
    attacker could otherwise keep guessing others. Raise RedisError.
    """
    _script(_SUCCESS)(
        keys=_keys(attempt.email, attempt.address),
        args=[KNOWN_PLACE_SECONDS, attempt.id],
        client=stores.redis(),
    )


def too_many(seconds: int) -> TooManyLogIns:
    """Return the error that states the waiting time."""
    if seconds < 60:
        text = ngettext(
            "Too many attempts to log in. Wait %(seconds)d second and try again.",
            "Too many attempts to log in. Wait %(seconds)d seconds and try again.",
            seconds,
        ) % {"seconds": seconds}
    else:
        minutes = -(-seconds // 60)
        text = ngettext(
            "Too many attempts to log in. Wait %(minutes)d minute and try again.",
            "Too many attempts to log in. Wait %(minutes)d minutes and try again.",
            minutes,
        ) % {"minutes": minutes}
    return TooManyLogIns(text, extra={"retry_after": seconds})


def _keys(email: str, address: str) -> list[str]:
    names = (f"pair|{email}|{address}", f"account|{email}", f"place|{address}")
    return [*(f"lockout:{_hash(name)}" for name in names), f"lockout:{_hash(f'known|{names[0]}')}"]


def _hash(subject: str) -> str:
    # Hashed with our key: neither addresses nor emails are kept in Redis.
    digest = hmac.new(settings.SECRET_KEY.encode(), subject.encode(), hashlib.sha256)
    return digest.hexdigest()[:32]
