"""Metrics of processes that are not scraped: workers and commands write them to Redis.

Every web process exposes the same values, because they belong to the installation: a query takes
their maximum over the instances, never their sum. Losing Redis resets the counters, which
Prometheus treats as a restart.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import cast

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from redis.exceptions import RedisError

from crm.core import stores
from crm.core.redis_values import expect_type, number_of, text_of

logger = logging.getLogger(__name__)

TASK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
TASKS_KEY = "metrics:tasks"
RECONCILE_KEY = "metrics:reconcile"


def observe_task(*, task: str, state: str, seconds: float) -> None:
    """Count one run of a task; without Redis the metric is lost, never the task."""
    bucket = bisect_left(TASK_BUCKETS, seconds)
    try:
        pipe = stores.redis().pipeline(transaction=False)
        expect_type(pipe, TASKS_KEY, "hash")
        pipe.hincrby(TASKS_KEY, f"{task}|{state}|{bucket}", 1)
        pipe.hincrbyfloat(TASKS_KEY, f"{task}|{state}|sum", seconds)
        pipe.execute()
    except RedisError as error:
        logger.warning(
            "A task's duration was not counted: Redis does not answer.",
            extra={"metadata": {"task": task, "error": type(error).__name__}},
        )


def set_reconcile_differences(differences: Mapping[str, int]) -> None:
    """Set the gauge of differences found by the last reconciliation, by kind; 0 is expected."""
    if not differences:
        return
    try:
        expect_type(stores.redis(), RECONCILE_KEY, "hash")
        stores.redis().hset(RECONCILE_KEY, mapping={k: str(v) for k, v in differences.items()})
    except RedisError as error:
        logger.warning(
            "The reconciler's figures were not published: Redis does not answer.",
            extra={"metadata": {"error": type(error).__name__}},
        )


class SharedCollector(Collector):
    """Reads the shared metrics at each scrape."""

    def describe(self) -> list[Metric]:
        """Return nothing: registering the collector must not require Redis."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            tasks = _fields(TASKS_KEY)
            differences = _fields(RECONCILE_KEY)
        except RedisError as error:
            logger.warning(
                "Figures of workers are missing from this scrape: Redis does not answer.",
                extra={"metadata": {"error": type(error).__name__}},
            )
            return
        yield _task_histogram(tasks)
        gauge = GaugeMetricFamily(
            "nf_reconcile_diff_total",
            "Differences between the stores that the last reconcile found, by kind; expected 0.",
            labels=["kind"],
        )
        for kind, value in sorted(differences.items()):
            if (number := number_of(value)) is not None:
                gauge.add_metric([text_of(kind)], number)
        yield gauge


def _fields(key: str) -> dict[bytes, bytes]:
    # The client of a process answers in bytes, which its types leave open.
    return cast("dict[bytes, bytes]", stores.redis().hgetall(key))


def _task_histogram(fields: Mapping[bytes, bytes]) -> HistogramMetricFamily:
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    sums: dict[tuple[str, str], float] = {}
    for field, value in fields.items():
        number = number_of(value)
        match text_of(field).rsplit("|", 2):
            case [task, state, "sum"] if number is not None:
                sums[task, state] = number
            case [task, state, part] if number is not None and part.isdecimal():
                counts[task, state][int(part)] = int(number)
    family = HistogramMetricFamily(
        "nf_task_seconds", "Run time of background tasks.", labels=["task", "state"]
    )
    bounds = [*(floatToGoString(bound) for bound in TASK_BUCKETS), "+Inf"]
    for (task, state), by_bucket in sorted(counts.items()):
        running = 0
        buckets: list[tuple[str, float]] = []
        for number, bound in enumerate(bounds):
            running += by_bucket.get(number, 0)
            buckets.append((bound, float(running)))
        family.add_metric([task, state], buckets, sums.get((task, state), 0.0))
    return family
