"""Signals of this app, sent after the commit unless said otherwise."""

from django.dispatch import Signal

# organization_id: another currency is about to be stored as the organization's own. Sent in the
# transaction; a receiver may refuse it with an AppError.
currency_changing = Signal()

# organization_id, membership_id, user_id: somebody joined; or left, or was deactivated.
member_joined = Signal()
member_left = Signal()
