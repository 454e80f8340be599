"""Context processors of the frame around every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chat import inbox
from chat.onboarding import SetupState, is_offered, setup_state
from crm.core.permissions import Module
from crm.organizations.access import admitted_membership


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Return ``inbox_waiting`` for templates, computed lazily."""

    def words() -> str:
        membership = admitted_membership(request)
        if membership is None or not membership.may(Module.INBOX):
            return ""
        return inbox.count_words(inbox.waiting(membership))

    return {"inbox_waiting": SimpleLazyObject(words)}


def setup(request: HttpRequest) -> dict[str, Any]:
    """Return ``setup_guide``, the open checklist, for templates, computed lazily."""

    def state() -> SetupState | None:
        membership = admitted_membership(request)
        if not membership or not is_offered(membership):
            return None
        found = setup_state(membership)
        return found if found.is_open else None

    return {"setup_guide": SimpleLazyObject(state)}
