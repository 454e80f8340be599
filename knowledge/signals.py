"""What this app tells others, always after commit."""

from django.dispatch import Signal

# organization_id: UUID
faqs_changed = Signal()
