"""Passwords: how one is checked at the log-in, which are rejected, which links may set one."""

import re
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from crm.core.text.normalization import normalize_password
from crm.organizations.models import User


class PasswordBackend(ModelBackend):
    """Django's backend, which hashes for an unknown address as often as for a known one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is not None or not password or password == normalize_password(password):
            return user
        if not User.objects.filter(email=username).exists():
            # A known one was compared with the password as typed, too.
            User().set_password(password)
        return None


_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz")
_FEWEST = 5
_SHORTEST_RUN = 4
# What would be long enough by itself may be said twice.
_SHORTEST_PIECE = 12
# From the first letter to the last.
_CORE = re.compile(r"[^\W\d_](?:.*[^\W\d_])?", re.DOTALL)


class ObviousPasswordValidator:
    """Reject guessable passwords that the list of common ones misses because of their length.

    Repetitions, rows of keys or of the alphabet, and common passwords with added digits.
    """

    def __init__(self) -> None:
        self.common = CommonPasswordValidator()

    def validate(self, password: str, user: object = None) -> None:
        if self._is_obvious(password.casefold()):
            raise ValidationError(
                _("This password is easy to guess. Put a few unrelated words together."),
                code="password_obvious",
            )

    def get_help_text(self) -> str:
        return _("No repetitions and no rows of keys.")

    def _is_obvious(self, password: str) -> bool:
        if len(set(password)) < _FEWEST:
            return True
        # Where it begins anew; its own length where it does not repeat itself.
        if (password + password).find(password, 1) < min(len(password), _SHORTEST_PIECE):
            return True
        core = found[0] if (found := _CORE.search(password)) else password
        return core in self.common.passwords or _rows_in(password) * 3 > (len(password) * 2)


def _rows_in(password: str) -> int:
    """Return how many characters belong to keyboard or alphabet rows, in either direction."""
    doubled = [row * 2 for row in _ROWS]
    rows = [*doubled, *(row[::-1] for row in doubled)]
    place = counted = 0
    while place < len(password):
        length = max(_longest(password, place, row) for row in rows)
        counted += length if length >= _SHORTEST_RUN else 0
        place += max(1, length)
    return counted


def _longest(password: str, place: int, row: str) -> int:
    length = 0
    while place + length < len(password) and password[place : place + length + 1] in row:
        length += 1
    return length


class PasswordResetTokens(PasswordResetTokenGenerator):
    """Django's own: valid once, for ``PASSWORD_RESET_TIMEOUT``, until password or address change.

    None of a deactivated account is valid, nor is one from before, also after a reactivation.
    """

    def check_token(self, user: Any, token: str | None) -> bool:
        return user is not None and user.is_active and super().check_token(user, token)

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        voided_until = user.access_from.isoformat() if user.access_from else ""
        return f"{super()._make_hash_value(user, timestamp)}{voided_until}"
