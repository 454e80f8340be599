"""Signals of jobs, sent inside the transaction of the event: a receiver that raises rolls it back.

``job`` is the `Job`; ``event`` is "started", "done", "failed", "cancelled" or "fetched".
"""

from django.dispatch import Signal

job_event = Signal()
