"""Signals of notifications, sent inside the transaction of the fact."""

from django.dispatch import Signal

# notification: a member is to get it by email, too.
email_wanted = Signal()
