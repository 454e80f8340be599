"""Submitted forms: their fields without secrets, and the typed text for display and copying."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect
from django.utils.text import Truncator

from crm.core.errors import AppError
from crm.core.form_guard.stamps import GUARD_FIELDS
from crm.core.http.exceptions import refusal_response
from crm.core.text.normalization import normalize_line

TITLE_LENGTH = 60
SECRETS = frozenset(
    {"password", "oldpassword", "password1", "password2", "code", "otp", "credential"}
)
_RESENT = GUARD_FIELDS - {"csrfmiddlewaretoken", "_kept", "_switch"}
# Fields that a page fills in by itself: where to go on, and what is worked on.
# fmt: off
FILLED_IN = frozenset({
    "action", "all", "asked", "back", "columns", "do", "format", "from_page", "index", "is_shared",
    "job", "list", "next", "organization", "place", "required", "row", "rows", "scopes", "sort",
    "state", "to", "view", "warned",
})
# fmt: on
# Values that nobody typed: ids, checkboxes and buttons.
_NOT_TYPED = re.compile(r"|on|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", re.IGNORECASE)
_OF_FORMSETS = re.compile(r"_.*|initial-.*|.*-(TOTAL|INITIAL|MIN_NUM|MAX_NUM)_FORMS")
# Attribute of a request whose form is rendered again with the submitted values.
_REFILL = "_form_guard_refill"
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SentForm:
    """The URL that a form was submitted to, its fields in order, and the names of its files."""

    path: str
    fields: tuple[Pair, ...]
    # Key in the session; "" if it is not stored.
    key: str = ""
    files: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Return the beginning of the typed text, or the URL."""
        typed = next((each["value"].strip() for each in self.written), self.path)
        return Truncator(typed).chars(TITLE_LENGTH)

    @property
    def typed(self) -> list[dict[str, str]]:
        """Return the typed text with the labels of the fields, for reading and copying."""
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

    @property
    def written(self) -> list[dict[str, str]]:
        """Return the typed values without those that the page fills in by itself."""
        return [each for each in self.typed if not _NOT_TYPED.fullmatch(each["value"].strip())]


def form_of(request: HttpRequest) -> SentForm:
    """Return the form of a request, without secrets."""
    return SentForm(
        request.get_full_path(),
        tuple(
            (name, str(value))
            for name, values in _sent(request).lists()
            if name not in SECRETS and (name not in GUARD_FIELDS or name in _RESENT)
            for value in values
        ),
        files=tuple(normalize_line(str(file.name)) for file in _files(request)),
    )


def has_secrets(request: HttpRequest) -> bool:
    return any(name in SECRETS for name in _sent(request))


def _sent(request: HttpRequest) -> QueryDict:
    """Return the fields of a form; none of a body that cannot be read and is refused for that."""
    try:
        return request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return QueryDict()


def _files(request: HttpRequest) -> list[UploadedFile]:
    """Return the files of a form; none of a body that cannot be read."""
    try:
        return [file for _name, files in request.FILES.lists() for file in files]
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return []


def reject_or_redirect(request: HttpRequest, refusal: AppError, target: str) -> HttpResponse:
    """Redirect with the error's message; if the form has typed text, render that text instead."""
    if form_of(request).written:
        return refusal_response(request, refusal)
    messages.error(request, refusal.message)
    return redirect(target)


def _labels(names: set[str]) -> dict[str, Any]:
    """Return the labels of the text fields of the form class with most of these names."""
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
    } | {
        name: name
        for name in names - best.keys() - GUARD_FIELDS - FILLED_IN
        if not _OF_FORMSETS.fullmatch(name)
    }


def _forms(parent: type[Any]) -> Iterator[type[Any]]:
    for child in parent.__subclasses__():
        yield child
        yield from _forms(child)


def refill_from(request: HttpRequest) -> None:
    """Store the fields of a rejected form on the request, without secrets."""
    typed = {
        name: value
        for name, value in request.POST.items()
        if name not in SECRETS and name not in GUARD_FIELDS
    }
    setattr(request, _REFILL, typed)


def refill_of(request: HttpRequest) -> dict[str, Any]:
    """Return the initial values for the form of a request; empty except after a rejection."""
    found: dict[str, Any] = getattr(request, _REFILL, {})
    return dict(found)
