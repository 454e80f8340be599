"""Signals of this app, always sent after the commit."""

from django.dispatch import Signal

# organization_id: UUID, conversation_id: UUID, seq: int, pending: tuple[str, ...]
message_posted = Signal()
