"""Pass the correlation id through Celery and log the outcome of each task."""

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from celery import Task
from celery.signals import (
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
)

from crm.core.observability.shared_metrics import observe_task
from crm.core.observability.tracing import Trace, accept_id, bind_trace, current_trace

logger = logging.getLogger(__name__)

# Not ``correlation_id``: that is Celery's own word for the task's id.
HEADER = "nextflow_trace"


@dataclass
class _Run:
    trace: Trace
    started: float
    leave: ExitStack


_runs: dict[str, _Run] = {}


@before_task_publish.connect(weak=False, dispatch_uid="tracing.send")
def send_trace(*, headers: dict[str, Any] | None = None, **kwargs: Any) -> None:
    """Add the correlation id and the user id of the current work to the task's headers."""
    trace = current_trace()
    if headers is not None and trace is not None:
        headers[HEADER] = {"correlation_id": trace.correlation_id, "user_id": trace.user_of()}


@task_prerun.connect(weak=False, dispatch_uid="tracing.start")
def start_run(*, task_id: str, task: Task, **kwargs: Any) -> None:
    carried = getattr(task.request, HEADER, None) or {}
    user_id = carried.get("user_id")
    trace = Trace(accept_id(carried.get("correlation_id")), user_of=lambda: user_id)
    leave = ExitStack()
    leave.enter_context(bind_trace(trace))
    _runs[task_id] = _Run(trace=trace, started=time.perf_counter(), leave=leave)


@task_postrun.connect(weak=False, dispatch_uid="tracing.finish")
def finish_run(*, task_id: str, task: Task, state: str | None = None, **kwargs: Any) -> None:
    run = _runs.pop(task_id, None)
    if run is None:
        return
    seconds = time.perf_counter() - run.started
    state = state or "UNKNOWN"
    metadata: dict[str, Any] = {
        "action": "task.run",
        "task": task.name,
        "task_id": task_id,
        "state": state,
        "retries": task.request.retries,
        "duration_ms": round(seconds * 1000, 1),
        **run.trace.used(),
    }
    try:
        observe_task(task=task.name, state=state, seconds=seconds)
        logger.log(
            logging.DEBUG if task.name == "operations.canary" else logging.INFO,
            "Task %s: %s",
            task.name,
            state,
            extra={"metadata": metadata},
        )
    finally:
        run.leave.close()


@setup_logging.connect(weak=False, dispatch_uid="tracing.keep_logging")
def keep_our_logging(**kwargs: Any) -> None:
    """Receive this signal, so that Celery keeps the logging of Django's settings."""
