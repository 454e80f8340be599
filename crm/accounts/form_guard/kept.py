"""Forms that were refused before their view ran: what was typed is shown again, never lost.

Secrets (passwords, codes) are never kept. A form whose session had ended waits in the new,
anonymous session until its own person has logged in; sending it takes a press of a button on our
page, with a fresh CSRF token.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crm.accounts.form_guard.stamps import GUARD_FIELDS, PERSON, VERSION
from crm.accounts.models import User
from crm.core.errors import AppError

SESSION_FIELD = "kept_form"
KEPT_SECONDS = 3600
MAX_KEPT_BYTES = 65_536
SECRETS = frozenset(
    {"password", "oldpassword", "password1", "password2", "code", "otp", "credential"}
)
_RESENT = GUARD_FIELDS - {"csrfmiddlewaretoken", "_kept", "_switch"}
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where a form was sent to, and its fields in order."""

    path: str
    fields: tuple[Pair, ...]

    @property
    def typed(self) -> list[dict[str, str]]:
        """Return what a person wrote, with the labels of the fields, to be read and copied."""
        labels = _labels({name for name, _value in self.fields})
        return [
            {
                "label": str(labels[name]),
                "value": value,
                "rows": str(min(10, value.count("\n") + 1 + len(value) // 60)),
            }
            for name, value in self.fields
            if name in labels and value.strip()
        ]


def form_of(request: HttpRequest) -> KeptForm:
    """Return the form of a request, without secrets."""
    return KeptForm(
        request.get_full_path(),
        tuple(
            (name, str(value))
            for name, values in request.POST.lists()
            if name not in SECRETS and (name not in GUARD_FIELDS or name in _RESENT)
            for value in values
        ),
    )


def has_secrets(request: HttpRequest) -> bool:
    return any(name in SECRETS for name in request.POST)


def keep(request: HttpRequest) -> bool:
    """Store the form of a request in its session; return whether that was possible."""
    form = form_of(request)
    size = sum(len(name) + len(value.encode("utf-8", "replace")) for name, value in form.fields)
    typed = [name for name, _value in form.fields if name not in GUARD_FIELDS]
    if not typed or size > MAX_KEPT_BYTES or has_secrets(request):
        return False
    request.session[SESSION_FIELD] = {
        "path": form.path,
        "fields": [list(pair) for pair in form.fields],
        "person": request.POST.get(PERSON, ""),
        "at": int(time.time()),
    }
    return True


def kept_form_of(request: HttpRequest, user: User | AnonymousUser) -> KeptForm | None:
    """Return the form stored for this user; one of another user is dropped."""
    stored: dict[str, Any] | None = request.session.get(SESSION_FIELD)
    if stored is None:
        return None
    is_fresh = time.time() - stored["at"] < KEPT_SECONDS
    if not is_fresh or stored["person"] != str(user.pk):
        drop(request)
        return None
    return KeptForm(stored["path"], tuple((name, value) for name, value in stored["fields"]))


def drop(request: HttpRequest) -> None:
    request.session.pop(SESSION_FIELD, None)


def kept_page(
    request: HttpRequest,
    form: KeptForm,
    *,
    reason: str,
    status: int,
    error: AppError | None = None,
    other: str = "",
) -> HttpResponse:
    """Render a stored form; ``reason`` is logged_out, switched, person or stale."""
    context = {"kept": form, "reason": reason, "error": error, "other": other}
    return render(request, "accounts/kept_form.html", context, status=status)


def _labels(names: set[str]) -> dict[str, Any]:
    """Return the labels of the free-text fields of the form class that has most of these names."""
    best: dict[str, forms.Field] = {}
    most = 0
    for form in _forms(forms.Form):
        found = len(names & form.base_fields.keys())
        if (found, -len(form.base_fields)) > (most, -len(best)):
            best, most = form.base_fields, found
    return {
        name: field.label or name
        for name, field in best.items()
        if isinstance(field, forms.CharField) and not field.widget.is_hidden
    } | {name: name for name in names - best.keys() if name not in GUARD_FIELDS and name != VERSION}


def _forms(parent: type[Any]) -> Iterator[type[Any]]:
    for child in parent.__subclasses__():
        yield child
        yield from _forms(child)
