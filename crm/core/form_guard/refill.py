"""Values of an anonymous form, restored when the form is shown again."""

from typing import Any

from django.http import HttpRequest

from crm.core.form_guard.sent_forms import SECRETS
from crm.core.form_guard.stamps import GUARD_FIELDS

_ATTRIBUTE = "_form_guard_refill"


def refill_from(request: HttpRequest) -> None:
    """Store the fields of a rejected form on the request, without secrets."""
    typed = {
        name: value
        for name, value in request.POST.items()
        if name not in SECRETS and name not in GUARD_FIELDS
    }
    setattr(request, _ATTRIBUTE, typed)


def refill_of(request: HttpRequest) -> dict[str, Any]:
    """Return the initial values for the form of a request; empty except after a rejection."""
    found: dict[str, Any] = getattr(request, _ATTRIBUTE, {})
    return dict(found)
