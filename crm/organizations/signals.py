"""Signals of this app, sent after the commit unless said otherwise."""

from django.dispatch import Signal

# organization_id: another currency was stored as the organization's own. Sent in the transaction.
currency_changed = Signal()

# organization_id, membership_id, user_id: somebody joined; or left, or was deactivated.
member_joined = Signal()
member_left = Signal()
