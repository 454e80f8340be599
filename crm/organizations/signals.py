"""Signals of this app, sent after the commit."""

from django.dispatch import Signal

# organization_id, membership_id, user_id: somebody joined; or left, or was deactivated.
member_joined = Signal()
member_left = Signal()
