"""Forms that were rejected before their view ran: they are kept until the log-in.

Secrets (passwords, codes) are never stored. A form whose session had expired is stored in the new,
anonymous session until the same user has logged in; submitting it requires a button on our page,
with a fresh CSRF token. A session stores several, one for each tab that was submitted.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import urlencode

from crm.core import ratelimit
from crm.core.errors import AppError, NotAuthenticated
from crm.core.form_guard.sent_forms import SentForm, form_of, has_secrets
from crm.core.form_guard.stamps import GUARD_FIELDS, ONCE, PERSON
from crm.organizations.models import User

SESSION_FIELD = "kept_forms"
KEPT_SECONDS = 3600
# Of one session; the oldest ones make room, also for a total of twice the largest body.
MAX_KEPT = 10
# Beyond this a form counts against a limit of its own, up to the largest body that is read.
LARGE_BYTES = 65_536
_OUTCOME = "_form_was_kept"


def keep(request: HttpRequest) -> str:
    """Store the form of a request in its session; return its key, or "" if it was not stored.

    The session may be anonymous, so the number of forms per address is limited. Whoever has no
    cookie of a page of ours sent no form of one. Asked again, it returns the same.
    """
    if not hasattr(request, _OUTCOME):
        setattr(request, _OUTCOME, _keep(request))
    return str(getattr(request, _OUTCOME))


def _keep(request: HttpRequest) -> str:
    if settings.CSRF_COOKIE_NAME not in request.COOKIES:
        return ""
    form = form_of(request)
    size = _size(form.fields)
    typed = [name for name, _value in form.fields if name not in GUARD_FIELDS]
    if not typed or size > settings.MAX_BODY_BYTES or has_secrets(request):
        return ""
    address = ratelimit.client_address(request)
    try:
        ratelimit.enforce("kept_form", {"address": address})
        if size > LARGE_BYTES:
            ratelimit.enforce("kept_large_form", {"address": address})
    except ratelimit.RateLimitExceeded:
        return ""
    record = {
        "key": secrets.token_urlsafe(8),
        "path": form.path,
        "fields": [list(pair) for pair in form.fields],
        "files": list(form.files),
        "person": request.POST.get(PERSON, ""),
        "at": int(time.time()),
    }
    # The same page submitted again replaces what it submitted before.
    others = [each for each in _fresh(request) if not _is_same_page(each, record)]
    request.session[SESSION_FIELD] = _within_bounds([*others, record])
    return str(record["key"])


def _size(fields: Iterable[Any]) -> int:
    return sum(len(name) + len(value.encode("utf-8", "replace")) for name, value in fields)


def _fresh(request: HttpRequest) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = request.session.get(SESSION_FIELD, [])
    return [each for each in stored if time.time() - each["at"] < KEPT_SECONDS]


def _is_same_page(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Return whether both are submissions of one rendering of a form, or equal."""
    if one["path"] != two["path"] or one["person"] != two["person"]:
        return False
    keys = [dict(each["fields"]).get(ONCE) for each in (one, two)]
    return one["fields"] == two["fields"] or (keys[0] is not None and keys[0] == keys[1])


def _within_bounds(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest records that fit, in order."""
    left, taken = 2 * settings.MAX_BODY_BYTES, 0
    for record in reversed(records[-MAX_KEPT:]):
        left -= _size(record["fields"])
        if left < 0:
            break
        taken += 1
    return records[len(records) - taken :]


def log_in_url(key: str) -> str:
    """Return the URL of the log-in that goes on to a stored form."""
    query = urlencode({"next": reverse("authentication:one_kept_form", args=[key])})
    return f"{resolve_url(settings.LOGIN_URL)}?{query}"


def kept_forms_of(request: HttpRequest, user: User | AnonymousUser) -> list[SentForm]:
    """Return the forms stored for this user, oldest first; those of another user are dropped."""
    stored = request.session.get(SESSION_FIELD, [])
    mine = [each for each in _fresh(request) if each["person"] == str(user.pk)]
    if len(mine) < len(stored):
        _store(request, mine)
    return [
        SentForm(
            each["path"],
            tuple((name, value) for name, value in each["fields"]),
            each["key"],
            tuple(each.get("files", ())),
        )
        for each in mine
    ]


def drop(request: HttpRequest, key: str) -> None:
    stored = request.session.get(SESSION_FIELD, [])
    left = [each for each in stored if each["key"] != key]
    if len(left) < len(stored):
        _store(request, left)


def log_out_and_keep(request: HttpRequest) -> None:
    """End the session of a user; the stored forms go into the anonymous one."""
    stored = request.session.get(SESSION_FIELD, [])
    logout(request)
    if stored:
        _store(request, stored)


def _store(request: HttpRequest, records: list[dict[str, Any]]) -> None:
    if records:
        request.session[SESSION_FIELD] = records
    else:
        request.session.pop(SESSION_FIELD, None)


def kept_page(
    request: HttpRequest,
    form: SentForm,
    *,
    reason: str,
    status: int,
    error: AppError | None = None,
    other: str = "",
    waiting: Sequence[SentForm] = (),
) -> HttpResponse:
    """Render a form; ``reason`` is logged_out, switched, person, stale, unnamed or unkept.

    ``waiting`` are the other stored forms.
    """
    context = {
        "kept": form,
        "reason": reason,
        "error": error,
        "other": other,
        "waiting": waiting,
    }
    return render(request, "authentication/kept_form.html", context, status=status)


def unkept_page(request: HttpRequest) -> HttpResponse | None:
    """Render the typed text of a form that was not stored until the log-in, for copying.

    None where nothing was typed or a password was sent along.
    """
    form = form_of(request)
    if not form.written or has_secrets(request):
        return None
    return kept_page(request, form, reason="unkept", status=NotAuthenticated.status)
