"""Recovery of work whose task was lost.

What is to happen after a commit is a row that waits (an email to send, a job to run, a FAQ to
index) and a task that is queued at once. A crash or an outage of Redis loses the task, never the
row. Each app registers how its late rows are found; beat's ``core.sweep`` queues their tasks.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import Task
from django.core.cache import cache
from kombu.exceptions import OperationalError

from crm.core import tenancy

logger = logging.getLogger(__name__)

# The arguments of the task for each late piece of work: one id, or a tuple.
Find = Callable[[], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """``find`` is called for all organizations, at most once in ``every`` seconds."""

    find: Find
    task: "Task[..., None]"
    every: float


_sweeps: dict[str, Sweep] = {}


def register_sweep(task: "Task[..., None]", find: Find, *, every: float = 0) -> None:
    """Register that ``task`` is queued for what ``find`` returns, once in ``every`` seconds.

    By default it is asked whenever beat runs `sweep`.
    """
    _sweeps[task.name] = Sweep(find, task, every)


def sweep(only: Collection[str] = ()) -> None:
    """Queue the tasks of late work, or only those of these names, whenever they last were.

    A sweep that fails, because its store is away, does not keep the others from running.
    """
    for name, each in _sweeps.items():
        if only and name not in only:
            continue
        try:
            is_due = only or not each.every or cache.add(f"sweep:{name}", 1, timeout=each.every)
            if is_due:
                _queue_late(each)
        except OperationalError:
            logger.warning("Late work was not queued: Redis does not answer.")
            return
        except Exception:  # whatever it is, others are still looked for
            logger.exception("A sweep failed.", extra={"metadata": {"task": name}})


def _queue_late(each: Sweep) -> None:
    with tenancy.all_tenants("Work is lost in every organization."):
        late = list(each.find())
    for found in late:
        arguments = found if isinstance(found, tuple) else (found,)
        each.task.delay(*(str(part) if isinstance(part, UUID) else part for part in arguments))
