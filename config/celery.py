"""Background work: queues realtime, default, ai and bulk.

Started as `celery -A config.celery worker`, with DJANGO_SETTINGS_MODULE set.
"""

from celery import Celery

app = Celery("nextflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
