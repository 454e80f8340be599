"""Redis for whoever can do without it: little patience, and none at all right after it was silent.

A Redis that refuses costs no time. One that does not answer would hold up every message, so after
one wait in vain the others do not ask for a while.
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


def answers() -> bool:
    """Say whether Redis can be asked; False where it let us wait in vain, until it answers again.

    After SILENCE_SECONDS one caller tries for all the others.
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
    """Remember a wait in vain; who is refused did not wait."""
    global _ask_again_at
    if isinstance(error, RedisTimeout):
        _ask_again_at = time.monotonic() + SILENCE_SECONDS
