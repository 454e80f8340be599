"""A small task through every queue, twice a minute: proof that somebody still consumes it.

A worker can be alive, answer `inspect ping` and yet consume nothing after a lost connection; only a
task that arrived proves the way.
"""

import math
import time

from redis.exceptions import RedisError

from config import stores

QUEUES = ("realtime", "default", "ai", "bulk")
KEY = "operations:canary"
# Four missed in a row: the container's health check fails and an operator is called.
STALE_SECONDS = 120.0


def note_seen(*, queue: str) -> None:
    stores.redis().hset(KEY, queue, str(time.time()))


def ages() -> dict[str, float]:
    """Give the seconds since the last canary of each queue; infinite where none was ever seen."""
    seen = stores.redis().hgetall(KEY)
    now = time.time()
    return {
        queue: max(0.0, now - float(seen[field])) if (field := queue.encode()) in seen else math.inf
        for queue in QUEUES
    }


def ages_or_nothing() -> dict[str, float]:
    """Give the ages, or none when Redis does not answer: a scrape must not fail with it."""
    try:
        return ages()
    except RedisError:
        return {}
