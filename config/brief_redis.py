"""Redis for whoever can do without it: little patience, and none at all right after it was silent.

A Redis that refuses costs no time. One that does not answer would hold up every message, so after
one wait in vain the others do not ask for a while.
"""

import time
from functools import cache

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry

ANSWER_SECONDS = 1.5
SILENCE_SECONDS = 5.0
_silent_until = 0.0


@cache
def client() -> Redis:
    """Give the process's client; a message that is stored waits for it before it is acked."""
    return Redis(
        connection_pool=ConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=100,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # One retry heals a connection of before a restart; what was silent is not asked again.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
    )


def is_silent() -> bool:
    """Say whether Redis let us wait in vain just now: whoever can do without it should not ask."""
    return time.monotonic() < _silent_until


def note_failure(error: RedisError) -> None:
    """Remember a wait in vain."""
    global _silent_until
    if isinstance(error, RedisTimeout):
        _silent_until = time.monotonic() + SILENCE_SECONDS
