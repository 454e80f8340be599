"""Hooks that record the stores used by each unit of work, and register the metrics collectors."""

import logging
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from prometheus_client import REGISTRY
from pymongo import monitoring

from crm.core.observability.shared_metrics import SharedCollector
from crm.core.observability.tracing import record_store_use
from crm.operations.collectors import OperationsCollector


def _record_postgresql(
    execute: Callable[..., Any],
    sql: str,
    params: Any,
    many: bool,  # noqa: FBT001  Django calls it so
    context: Any,
) -> Any:
    record_store_use("postgresql")
    return execute(sql, params, many, context)


def _watch_connection(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    # In front: `connection.execute_wrapper` takes its own away from the end.
    if _record_postgresql not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _record_postgresql)


class _MongodbListener(monitoring.CommandListener):
    def started(self, event: monitoring.CommandStartedEvent) -> None:
        record_store_use("mongodb")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Ignore: the start was recorded."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Ignore: the caller receives the error."""


def install() -> None:
    """Install the hooks, once per process and before the first client is created."""
    # A library's warning is a line like any other, not loose text between two objects.
    logging.captureWarnings(capture=True)
    connection_created.connect(_watch_connection, dispatch_uid="operations.note_postgresql")
    monitoring.register(_MongodbListener())
    REGISTRY.register(SharedCollector())
    REGISTRY.register(OperationsCollector())
