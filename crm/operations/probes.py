"""Liveness of the stores, each answered within a second."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

import psycopg
import pymongo
from django.db import DEFAULT_DB_ALIAS, connections
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from crm.core import stores

logger = logging.getLogger(__name__)

CAP_SECONDS = 1.0
CRITICAL_STORES = ("postgresql", "mongodb", "redis")


def store_failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of a store that is unavailable, full, read-only or of a wrong kind."""
    # Imported here: half a second and 54 MB, which a process that asks no store never needs.
    from qdrant_client.http.exceptions import ApiException

    return (psycopg.Error, PyMongoError, RedisError, ApiException, OSError)


def _ping_postgresql() -> None:
    # Outside the pool: a pool that is busy is a busy process, not a database that is away.
    parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
    parameters["connect_timeout"] = 1
    with psycopg.connect(**parameters) as connection:
        connection.execute("SELECT 1")


def _ping_mongodb() -> None:
    with pymongo.timeout(CAP_SECONDS):
        stores.mongo().admin.command("ping")


def _ping_redis() -> None:
    stores.redis().ping()


def _ping_qdrant() -> None:
    stores.qdrant().collection_exists("readiness")


PINGS: Mapping[str, Callable[[], None]] = {
    "postgresql": _ping_postgresql,
    "mongodb": _ping_mongodb,
    "redis": _ping_redis,
    "qdrant": _ping_qdrant,
}


class Prober:
    """Pings all stores concurrently; one with an unfinished ping is down and not pinged again.

    So a store that accepts connections and never answers holds one thread, however often it is
    probed.
    """

    def __init__(self, pings: Mapping[str, Callable[[], None]] = PINGS) -> None:
        self._pings = pings
        self._pool = ThreadPoolExecutor(max_workers=len(pings), thread_name_prefix="probe")
        self._asked: dict[str, Future[None]] = {}
        self._lock = Lock()

    def ask(self) -> dict[str, bool]:
        """Return for each store whether it answered within CAP_SECONDS."""
        with self._lock:
            for name, ping in self._pings.items():
                if name not in self._asked or self._asked[name].done():
                    self._asked[name] = self._pool.submit(ping)
            asked = dict(self._asked)
        wait(asked.values(), timeout=CAP_SECONDS)
        return {name: self._is_up(name, future) for name, future in asked.items()}

    def _is_up(self, name: str, future: "Future[None]") -> bool:
        if not future.done():
            reason = "no answer in time"
        else:
            error = future.exception()
            if error is None:
                return True
            if not isinstance(error, store_failures()):
                raise error
            reason = type(error).__name__
        logger.warning(
            "A store does not answer a readiness probe.",
            extra={"metadata": {"action": "probe", "store": name, "error": reason}},
        )
        return False
