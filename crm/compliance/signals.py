"""Signals of this app."""

from django.dispatch import Signal

# started_at, verified (Verified), findings (a list of Finding): every chain, or one, was proven.
audit_verified = Signal()
