"""A canary task through every queue, twice a minute: proof that it is consumed.

A worker can be alive, answer `inspect ping` and yet consume nothing after a lost connection; only a
processed task proves that the queue works. The time when beat sent it is stored too, so that a
stopped beat is not reported as four stopped workers. Takes the client as an argument: a container's
health check runs this too and must not load the whole application.
"""

import math
import time
from typing import cast

from redis import Redis

from crm.core.redis_values import expect_type, number_of

QUEUES = ("realtime", "default", "ai", "bulk")
KEY = "operations:canary"
SENT = "sent"
# Four missed in a row: the container's health check fails and an operator is called.
STALE_SECONDS = 120.0


def note_seen(redis: Redis, *, queue: str) -> None:
    expect_type(redis, KEY, "hash")
    redis.hset(KEY, queue, str(time.time()))


def note_sent(redis: Redis) -> None:
    expect_type(redis, KEY, "hash")
    redis.hset(KEY, SENT, str(time.time()))


def ages(redis: Redis) -> dict[str, float]:
    """Return the seconds since each queue's last canary; infinite where there was none."""
    moments = _moments(redis)
    return {queue: _age(moments, queue) for queue in QUEUES}


def is_sent(redis: Redis) -> bool:
    """Return whether beat sends canaries: the health of beat alone."""
    return _age(_moments(redis), SENT) <= STALE_SECONDS


def is_consumed(redis: Redis, *, queue: str) -> bool:
    """Return whether the canaries sent are consumed: the health of a queue's workers alone."""
    moments = _moments(redis)
    sent, seen = _age(moments, SENT), _age(moments, queue)
    if math.isinf(sent):
        return True  # nothing was ever sent, so nothing is missing
    return seen - sent <= STALE_SECONDS


def _moments(redis: Redis) -> dict[bytes, bytes]:
    # The client of a process answers in bytes, which its types leave open.
    return cast("dict[bytes, bytes]", redis.hgetall(KEY))


def _age(moments: dict[bytes, bytes], name: str) -> float:
    moment = number_of(moments.get(name.encode()))
    return math.inf if moment is None else max(0.0, time.time() - moment)
