"""Circuit breaker for optional uses of Redis: short timeouts, and none while Redis is silent.

A refused connection costs no time. A Redis that does not answer would delay every message, so after
one timeout the other callers skip it for a while.
"""

import logging
import time
from functools import cache

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.5
SILENCE_SECONDS = 5.0
_ask_again_at: float | None = None  # set while Redis is known to let us wait


@cache
def client() -> Redis:
    """Return the process's client; storing a message waits for it before the ack."""
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


def answers() -> bool:
    """Return whether Redis can be used; False after a timeout until it answers again.

    After SILENCE_SECONDS one caller probes it for all the others.
    """
    global _ask_again_at
    if _ask_again_at is None:
        return True
    if time.monotonic() < _ask_again_at:
        return False
    _ask_again_at = time.monotonic() + SILENCE_SECONDS
    try:
        client().ping()
    except RedisTimeout as error:
        note_failure(error)
        return False
    except RedisError:
        logger.debug("Redis refuses: whoever asks it is told at once.")
    _ask_again_at = None
    return True


def note_failure(error: RedisError) -> None:
    """Open the circuit breaker after a timeout; a refused connection does not open it."""
    global _ask_again_at
    if isinstance(error, RedisTimeout):
        _ask_again_at = time.monotonic() + SILENCE_SECONDS
