"""Background work: queues realtime, default, ai and bulk.

Started as `celery -A config.celery worker`, with DJANGO_SETTINGS_MODULE set.
"""

from celery import Celery

from config import task_signals  # noqa: F401  importing connects them

app = Celery("nextflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
