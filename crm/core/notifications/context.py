"""The unread count in the frame around every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.core.errors import AppError
from crm.core.notifications.services import unread_count
from crm.core.notifications.words import count_words
from crm.core.permissions.requests import principal_of


def unread(request: HttpRequest) -> dict[str, Any]:
    """Return ``notifications_unread``, computed lazily; empty for none."""

    def words() -> str:
        try:
            return count_words(unread_count(principal_of(request)))
        except AppError:
            # Without an organization or the second factor, the page says what is missing.
            return ""

    return {"notifications_unread": SimpleLazyObject(words)}
