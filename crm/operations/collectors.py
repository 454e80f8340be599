"""Gauges of the whole installation for `/metrics`, read from the stores at each scrape."""

import logging
from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from crm.core import stores
from crm.core.errors import AppError
from crm.operations import canary, gauges

logger = logging.getLogger(__name__)


class OperationsCollector(Collector):
    def describe(self) -> list[Metric]:
        """Return nothing: registering the collector must not require a store."""
        return []

    def collect(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily(
            "nf_canary_age_seconds",
            "Seconds since a task last came through a queue; +Inf where none ever did.",
            labels=["queue"],
        )
        try:
            for queue, age in canary.ages(stores.redis()).items():
                ages.add_metric([queue], age)
        except RedisError as error:
            self._log_missing("canary_age_seconds", error)
        yield ages
        for figure in gauges.registered():
            try:
                values = figure.measure()
            except (AppError, DatabaseError, PyMongoError, RedisError) as error:
                self._log_missing(figure.name, error)
                continue
            family = GaugeMetricFamily(
                f"nf_{figure.name}", figure.meaning, labels=[figure.label] if figure.label else []
            )
            for label, value in values.items():
                family.add_metric([label] if figure.label else [], value)
            yield family

    def _log_missing(self, figure: str, error: Exception) -> None:
        logger.warning(
            "A figure is missing from this scrape: its store does not answer.",
            extra={"metadata": {"figure": figure, "error": type(error).__name__}},
        )
