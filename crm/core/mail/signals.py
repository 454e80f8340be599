"""Signals of this app."""

from django.dispatch import Signal

# mail_id: a letter was stored and wants to be sent.
mail_queued = Signal()
