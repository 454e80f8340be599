"""Circuit breaker for optional uses of Redis: short timeouts, and none while Redis is silent.

A refused connection costs no time. A Redis that does not answer would delay every message, so after
one timeout the other callers skip it for a while.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.5
SILENCE_SECONDS = 5.0
# One retry heals a connection of before a restart; what was silent is not asked again.
RETRY = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
_insists: ContextVar[bool] = ContextVar("insists", default=False)
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
            retry=RETRY,
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
        record_failure(error)
        return False
    except RedisError:
        logger.debug("Redis refuses: whoever asks it is told at once.")
    _ask_again_at = None
    return True


def record_failure(error: RedisError) -> None:
    """Open the circuit breaker after a timeout; a refused connection does not open it."""
    global _ask_again_at
    if isinstance(error, RedisTimeout):
        _ask_again_at = time.monotonic() + SILENCE_SECONDS


@contextmanager
def guarded() -> Iterator[None]:
    """Run one call to Redis behind the circuit breaker.

    Raise RedisTimeout at once while Redis is known not to answer, except inside of insisting().
    """
    if not _insists.get() and not answers():
        raise RedisTimeout("Redis did not answer a moment ago.")
    try:
        yield
    except RedisError as error:
        record_failure(error)
        metadata = {"action": "redis.failure", "error": type(error).__name__}
        logger.warning("Redis did not do what was asked.", extra={"metadata": metadata})
        raise


@contextmanager
def insisting() -> Iterator[None]:
    """Ask Redis even if it did not answer a moment ago.

    For what replaces or ends a copy that other processes may still read: they may have an answer.
    """
    token = _insists.set(True)
    try:
        yield
    finally:
        _insists.reset(token)


class GuardedPipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> Any:  # noqa: FBT001, FBT002  redis' signature
        with guarded():
            return super().execute(raise_on_error)


class GuardedRedis(Redis):
    """A client behind the circuit breaker; the cache uses it (``REDIS_CLIENT_CLASS``).

    Its own retries would wait for a Redis that hangs several times in each call.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.set_retry(RETRY)

    def execute_command(self, *words: Any, **options: Any) -> Any:
        with guarded():
            return super().execute_command(*words, **options)

    def pipeline(
        self,
        transaction: bool = True,  # noqa: FBT001, FBT002  redis' signature
        shard_hint: str | None = None,
    ) -> Pipeline:
        return GuardedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
