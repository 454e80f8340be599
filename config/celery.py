"""Background work: queues realtime, default, ai and bulk.

Started as `celery -A config.celery worker`, with DJANGO_SETTINGS_MODULE set.
"""

import gc

from celery import Celery

from crm.core.observability import task_signals  # noqa: F401  importing connects them

# As in manage.py: what is imported stays, and config.apps switches the search on again.
gc.disable()

app = Celery("nextflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
