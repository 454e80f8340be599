"""Background work: queues realtime, default, ai and bulk.

Started as `celery -A config.celery worker`, with DJANGO_SETTINGS_MODULE set.
"""

import gc
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import worker_init

from crm.core import celery_transport
from crm.core.observability import task_signals  # noqa: F401  importing connects them

# As in manage.py: what is imported stays, and config.apps switches the search on again.
gc.disable()

celery_transport.install()

app = Celery("nextflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def import_qdrant_client(**kwargs: Any) -> None:
    """Import the Qdrant client before the worker forks, so that the children share its memory."""
    import_module("qdrant_client.models")
