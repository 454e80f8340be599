"""Keys that go out by mail."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class PasswordResetTokens(PasswordResetTokenGenerator):
    """Django's own: good once, for ``PASSWORD_RESET_TIMEOUT``, until password or address change."""
