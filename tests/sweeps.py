"""What the sweep for lost work queues, done at once."""

import base64
import json
from typing import Any

from django.conf import settings

from crm.core import recovery, stores
from crm.core.redis_values import text_of


def sweep(task: Any) -> None:
    """Queue what of ``task`` is late."""
    recovery.sweep([task.name])


def sweep_and_work(task: Any) -> None:
    """Queue what of ``task`` is late, and do what of it is queued, the oldest first."""
    sweep(task)
    queue = _queue_of(task.name)
    for raw in reversed(stores.redis().lrange(queue, 0, -1)):
        queued = json.loads(raw)
        if queued["headers"]["task"] == task.name:
            stores.redis().lrem(queue, 1, text_of(raw))
            task.apply(json.loads(base64.b64decode(queued["body"]))[0])


def _queue_of(name: str) -> str:
    routes = settings.CELERY_TASK_ROUTES
    route = routes.get(name) or routes[f"{name.partition('.')[0]}.*"]
    return str(route["queue"])
