"""Signals of this app."""

from django.dispatch import Signal

# mail_id: an email was stored and is to be sent.
mail_queued = Signal()
