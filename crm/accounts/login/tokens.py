"""Tokens sent by email."""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class PasswordResetTokens(PasswordResetTokenGenerator):
    """Django's own: valid once, for ``PASSWORD_RESET_TIMEOUT``, until password or address change.

    None of a deactivated account is valid, nor is one from before, also after a reactivation.
    """

    def check_token(self, user: Any, token: str | None) -> bool:
        return user is not None and user.is_active and super().check_token(user, token)

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        voided_until = user.access_from.isoformat() if user.access_from else ""
        return f"{super()._make_hash_value(user, timestamp)}{voided_until}"
