"""Signals of jobs, sent inside the transaction of what they tell: a receiver that raises undoes it.

``job`` is the `Job`; ``event`` is "started", "done", "failed", "cancelled" or "fetched".
"""

from django.dispatch import Signal

job_event = Signal()
