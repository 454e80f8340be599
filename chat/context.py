"""What the frame around every page shows of the conversations."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chat import inbox
from crm.accounts.permissions import Area


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Give templates ``inbox_waiting``, asked for only where the navigation is shown."""

    def words() -> str:
        membership = getattr(request, "membership", None)
        if membership is None or not membership.may(Area.INBOX):
            return ""
        return inbox.count_words(inbox.waiting(membership))

    return {"inbox_waiting": SimpleLazyObject(words)}
