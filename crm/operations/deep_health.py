"""Deep health check: write to each store, read it back, and check migrations, queues, gauges."""

import math
import platform
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pymongo
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from crm.core import stores
from crm.core.errors import AppError
from crm.core.lazy_modules import LazyModule
from crm.operations import canary, gauges
from crm.operations.models import StoreProbe
from crm.operations.probes import store_failures

if TYPE_CHECKING:
    from qdrant_client import models as qdrant
else:
    qdrant = LazyModule("qdrant_client.models")

# A full disk or a new primary may take longer than a ping; longer than this is a failure too.
MONGODB_SECONDS = 5.0


class NotReadBack(Exception):
    """The store accepted a write and returned another value."""


@dataclass
class DeepHealth:
    """``report`` is the body of the response; ``is_sound`` determines its status."""

    report: dict[str, Any] = field(default_factory=dict)
    is_sound: bool = True


def _check_postgresql(token: uuid.UUID) -> None:
    host = platform.node() or "unknown"
    StoreProbe.objects.update_or_create(host=host, defaults={"token": token})
    if StoreProbe.objects.get(pk=host).token != token:
        raise NotReadBack


def _check_mongodb(token: uuid.UUID) -> None:
    probes = stores.mongo_db()["operations_probes"]
    host = platform.node() or "unknown"
    with pymongo.timeout(MONGODB_SECONDS):
        probes.replace_one({"_id": host}, {"_id": host, "token": str(token)}, upsert=True)
        kept = probes.find_one({"_id": host})
    if kept is None or kept["token"] != str(token):
        raise NotReadBack


def _check_redis(token: uuid.UUID) -> None:
    key = f"operations:probe:{token}"
    stores.redis().set(key, str(token), ex=60)
    if stores.redis().getdel(key) != str(token).encode():
        raise NotReadBack


def _check_qdrant(token: uuid.UUID) -> None:
    client = stores.qdrant()
    collection = f"{settings.QDRANT_PREFIX}operations_probes"
    if not client.collection_exists(collection):
        client.create_collection(
            collection, vectors_config=qdrant.VectorParams(size=2, distance=qdrant.Distance.DOT)
        )
    point = str(uuid.uuid5(uuid.NAMESPACE_DNS, platform.node() or "unknown"))
    client.upsert(
        collection,
        [qdrant.PointStruct(id=point, vector=[1.0, 0.0], payload={"token": str(token)})],
        wait=True,
    )
    kept = client.retrieve(collection, [point], with_payload=True)
    if not kept or (kept[0].payload or {}).get("token") != str(token):
        raise NotReadBack


CHECKS: Mapping[str, Callable[[uuid.UUID], None]] = {
    "postgresql": _check_postgresql,
    "mongodb": _check_mongodb,
    "redis": _check_redis,
    "qdrant": _check_qdrant,
}


def deep_health() -> DeepHealth:
    """Run every check; a failing one is reported and does not stop the others."""
    health = DeepHealth()
    health.report["stores"] = {name: _run(health, check) for name, check in CHECKS.items()}
    health.report["migrations"] = _migrations(health)
    health.report["queues"] = _queues(health)
    health.report["figures"] = _figures(health)
    health.report["status"] = "sound" if health.is_sound else "unsound"
    return health


def _run(health: DeepHealth, check: Callable[[uuid.UUID], None]) -> dict[str, Any]:
    started = time.perf_counter()
    result: dict[str, Any] = {"write_and_read": "done"}
    failures: tuple[type[Exception], ...] = (NotReadBack, DatabaseError, *store_failures())
    try:
        check(uuid.uuid4())
    except failures as error:
        result = {"write_and_read": "failed", "error": type(error).__name__}
        health.is_sound = False
    result["duration_ms"] = round((time.perf_counter() - started) * 1000, 1)
    return result


def _migrations(health: DeepHealth) -> dict[str, Any]:
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    except DatabaseError as error:
        health.is_sound = False
        return {"error": type(error).__name__}
    heads = executor.loader.graph.leaf_nodes()
    pending = executor.migration_plan(heads)
    if pending:
        health.is_sound = False
    return {
        "heads": dict(sorted(heads)),
        "pending": [f"{step.app_label}.{step.name}" for step, _ in pending],
    }


def _queues(health: DeepHealth) -> dict[str, Any]:
    """Return the age of each queue's last canary, which requires beat, the broker and a worker."""
    try:
        ages = canary.ages(stores.redis())
    except RedisError as error:
        health.is_sound = False
        return {"error": type(error).__name__}
    result: dict[str, Any] = {}
    for queue, age in ages.items():
        is_fresh = age <= canary.STALE_SECONDS
        health.is_sound = health.is_sound and is_fresh
        result[queue] = {
            "canary_age_seconds": None if math.isinf(age) else round(age, 1),
            "is_fresh": is_fresh,
        }
    return result


def _figures(health: DeepHealth) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for figure in gauges.registered():
        try:
            values = figure.measure()
        except (AppError, DatabaseError, PyMongoError, RedisError) as error:
            health.is_sound = False
            result[figure.name] = {"error": type(error).__name__}
            continue
        result[figure.name] = dict(values) if figure.label else next(iter(values.values()), None)
    return result
