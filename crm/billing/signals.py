"""Signals of this app, sent after the commit."""

from django.dispatch import Signal

# organization_id, metric, level (80 or 100): use has reached so many per cent of a limit.
quota_level_reached = Signal()
