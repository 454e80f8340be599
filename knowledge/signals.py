"""Signals of this app, always sent after the commit."""

from django.dispatch import Signal

# organization_id: UUID
faqs_changed = Signal()
