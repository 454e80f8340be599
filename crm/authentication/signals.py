"""Signals of this app, sent after the commit."""

from django.dispatch import Signal

# user_id, because (EndReason), session_ids, family_ids: log-ins that are over.
session_expired = Signal()
# user_id, organization_id, family_id, address: a refresh token came again after it was used.
refresh_token_reused = Signal()
# email, address, method ("page" or "token"): somebody was not let in, whoever they are.
log_in_refused = Signal()
# organization_id, key_id, by (user id), what ("created", "rotated", "revoked").
api_key_changed = Signal()
