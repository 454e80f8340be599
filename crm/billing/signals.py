"""What this app tells others, after the commit of what it tells."""

from django.dispatch import Signal

# organization_id, metric, level (80 or 100): use has reached so many per cent of a limit.
quota_level_reached = Signal()
