"""What the frame around every page shows of the conversations."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chat import inbox


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``inbox_waiting``, asked for only where the navigation is shown."""

    def words() -> str:
        membership = getattr(request, "membership", None)
        return inbox.count_words(inbox.waiting(membership)) if membership else ""

    return {"inbox_waiting": SimpleLazyObject(words)}
