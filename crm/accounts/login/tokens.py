"""Tokens sent by email."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class PasswordResetTokens(PasswordResetTokenGenerator):
    """Django's own: valid once, for ``PASSWORD_RESET_TIMEOUT``, until password or
    address change.
    """
