"""A second set of stores, for the tests that run a real Celery worker.

A worker takes every task of its queue, whoever queued it, and writes into its database at any time.
So it gets a database, a queue, a cache and channels that no other test uses: a test that needs a
worker requests the fixture ``web_worker``, or ``worker_stores`` where it starts one itself. While
that test runs, this process and the server that it asks use the second set too.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection, connections
from django.test import override_settings

from chat.interactions import BotInteraction
from chat.managers import ConversationDocuments
from chat.models import Message
from config.celery import app
from config.settings import test as test_settings
from crm.core import redis_circuit_breaker, stores
from crm.operations import canary
from crm.operations.tasks import record_canary
from tests.patience import await_true

# Read by config/settings/test.py in the processes that tests start.
VARIABLE = "TEST_STORES"
WORKER = "worker"

_is_in_use = False
_has_indexes = False


def first_environment() -> dict[str, Any]:
    """Return the variables of a process that uses the stores of all other tests."""
    return {VARIABLE: "", "DATABASE_URL": database_url(_first_database())}


def environment() -> dict[str, Any]:
    """Return the variables of a process that uses the second set."""
    return {VARIABLE: WORKER, "DATABASE_URL": database_url(_second_database())}


def current_environment() -> dict[str, str]:
    """Return the variables of a process that uses the stores which this process uses now."""
    return environment() if _is_in_use else first_environment()


def database_url(name: str) -> str:
    """Return the URL of a database of this test run."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{name}"))


def is_in_use() -> bool:
    return _is_in_use


def make() -> None:
    """Copy the test database, while it is empty and nobody else is connected to it."""
    connection.creation.clone_test_db(WORKER, verbosity=0, autoclobber=True)


def drop() -> None:
    creation: Any = connection.creation
    creation._destroy_test_db(_second_database(), verbosity=0)


@contextmanager
def in_use() -> Iterator[None]:
    """Let this process use the second set until the end."""
    global _is_in_use
    first = (_first_database(), settings.REDIS_URL)
    second = (_second_database(), test_settings.store_names(WORKER)["REDIS_URL"])
    with override_settings(**test_settings.store_names(WORKER)):
        _connect(*second)
        _is_in_use = True
        _make_indexes()
        try:
            yield
        finally:
            _is_in_use = False
            _connect(*first)
    # Its name comes from the settings, which are the first set's again.
    stores.mongo_db.cache_clear()


def await_idle_worker() -> None:
    """Wait until every queued task was done, so that none reaches into the next test.

    A task that the worker has just taken stands neither in its queue nor among the unacknowledged.
    So a canary is sent after it: when that was seen, what came before is among the unacknowledged
    until it has ended. Repeated for the tasks that tasks have queued.
    """
    for _generation in range(3):
        stores.redis().delete(canary.KEY)
        for queue in canary.QUEUES:
            record_canary.apply_async(args=(queue,), queue=queue)
        await_true(_canaries_are_back, "The worker did not take its tasks.")
        await_true(_nothing_runs, "The worker did not finish its tasks.")


def _canaries_are_back() -> bool:
    redis = stores.redis()
    return all(redis.hexists(canary.KEY, queue) for queue in canary.QUEUES)


def _nothing_runs() -> bool:
    """Return whether no task is unacknowledged, except those that wait for their time to come."""
    taken = [json.loads(task)[0] for task in stores.redis().hvals("unacked")]
    return all(task["headers"].get("eta") for task in taken)


def _first_database() -> str:
    name: str = connection.settings_dict["NAME"]
    return name.removesuffix(f"_{WORKER}")


def _second_database() -> str:
    return f"{_first_database()}_{WORKER}"


def _make_indexes() -> None:
    global _has_indexes
    if not _has_indexes:
        stores.mongo().drop_database(stores.mongo_db().name)
        Message.objects.create_indexes()
        ConversationDocuments.create_indexes()
        BotInteraction.objects.create_indexes()
        _has_indexes = True


def _connect(database: str, redis_url: str) -> None:
    connections.close_all()
    connection.settings_dict["NAME"] = database
    stores.mongo_db.cache_clear()
    for client in (stores.redis(), redis_circuit_breaker.client()):
        # Not a new client: registered scripts hold this one.
        client.connection_pool.disconnect()
        client.connection_pool.reset()
        client.connection_pool.connection_kwargs["db"] = int(redis_url.rpartition("/")[2])
    queue: Any = app
    queue.conf.broker_url = redis_url
    # The next task asks for a connection to the broker that is configured now.
    queue._after_fork()
