"""Stores that this process cannot reach for a while; the engines and its real clients stay as are.

The clients are replaced and not taken apart: what is left of an outage in a pool would be found by
another test.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from qdrant_client import QdrantClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from crm.core import redis_circuit_breaker, stores

# Nothing can listen there without being root, so a connection is refused at once.
_CLOSED_PORT = 1


@contextmanager
def without_redis() -> Iterator[None]:
    """Let `stores.redis()` and `redis_circuit_breaker.client()` give a client that is refused."""
    away = Redis(port=_CLOSED_PORT, retry=Retry(NoBackoff(), 1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "redis", lambda: away)
        patched.setattr(redis_circuit_breaker, "client", lambda: away)
        yield


@contextmanager
def without_qdrant() -> Iterator[None]:
    """Let `stores.qdrant()` give a client that is refused."""
    away = QdrantClient(url=f"http://127.0.0.1:{_CLOSED_PORT}", check_compatibility=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "qdrant", lambda: away)
        yield
    away.close()
