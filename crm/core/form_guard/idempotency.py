"""Once-keys: a form that creates a record creates it once, however often it is submitted.

Every form carries a random key. The first submission runs in the transaction that stores its
response under the key; a repeated one with the same content, also a concurrent one, waits and gets
that response; a redirect for a minute only, and not after its person has done something else by a
form: what it says may be undone by then. Later the form is carried out again; one that adds a row
says that it was sent before, and asks. A response may show a secret (an API key): it is encrypted
with a key derived from the once-key, of which the database has only a hash. Pages of refused forms
are never stored, whatever their status, and each submission is counted.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from crm.core import tenancy
from crm.core.form_guard.errors import FormSentBefore
from crm.core.form_guard.stamps import GUARD_FIELDS, ONCE
from crm.core.idempotency import (
    KEPT_FOR,
    StoredResponse,
    answer_once,
    empty_redirects,
    fingerprint_of,
    forget_bodies,
    forget_redirects,
    forget_redirects_of_all,
)
from crm.core.models import IdempotentRequest
from crm.core.permissions.requests import principal_of
from crm.core.ratelimit import RateLimitExceeded, count_form

# Later the record may be gone, and "Saved" would be untrue.
REDIRECTS_KEPT_FOR = timedelta(minutes=1)
# Two forms within this time are of two tabs at once, and neither has to do with the other.
AT_ONCE = timedelta(seconds=2)
_PREFIX = "form:"
# Of forms that add a row: that they were sent is remembered for as long as any answer.
_ADDING = "form-adding:"
_REPLAYED = "_form_answer_is_replayed"
_DONE = "_form_is_done"
# The bytes of a stored answer, compressed and encrypted; of a larger one is stored that there was
# one.
MAX_KEPT_BYTES = 64 * 1024
_MAX_LOCATION = IdempotentRequest._meta.get_field("location").max_length or 0
# How long a page that was answered with can be shown again; it may hold a secret.
SHOWN_AGAIN_SECONDS = 600
WAIT_SECONDS = 15
P = ParamSpec("P")
Response = TypeVar("Response", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def once(view: View[P]) -> View[P]:
    """Answer a repeated POST with the first response. Apply it under `member_required`.

    Stored are redirects, 201 and what a view calls `done`. After anything else nothing was done,
    and the form may be sent again. Each POST is counted before the view: RateLimitExceeded.
    """
    return _once(view, is_refused_here=True)


def once_with_form(view: View[P]) -> View[P]:
    """Do what `once` does, for a view that shows a refusal at its form.

    It calls `count_form`, which raises the RateLimitExceeded, before it does anything.
    """
    return _once(view, is_refused_here=False)


def once_adding(view: View[P]) -> View[P]:
    """Do what `once` does, for a view that adds a row: whoever sends its form again later is asked.

    Raise FormSentBefore, with the ``location`` of what was saved.
    """
    return _once(view, is_refused_here=True, is_adding=True)


def once_adding_with_form(view: View[P]) -> View[P]:
    """Do what `once_with_form` and `once_adding` do."""
    return _once(view, is_refused_here=False, is_adding=True)


def done(response: HttpResponse) -> HttpResponse:
    """Mark and return a page with status 200 that says that something was done."""
    setattr(response, _DONE, True)
    return response


def _once(view: View[P], *, is_refused_here: bool, is_adding: bool = False) -> View[P]:
    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "POST":
            with suppress(*(() if is_refused_here else (RateLimitExceeded,))):
                count_form(request)
        key = request.POST.get(ONCE) if request.method == "POST" else None
        if not key:
            return view(request, *args, **kwargs)
        member = principal_of(request)
        return _answer_form_once(
            request,
            key,
            organization_id=member.organization_id,
            actor=str(member.actor_id),
            act=lambda: view(request, *args, **kwargs),
            is_kept=_is_result,
            is_adding=is_adding,
        )

    answered.is_once = True  # type: ignore[attr-defined]  # read by a test that walks all views
    return answered


def once_for_operators(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
    """Answer a repeated POST of the operator's admin with the first response.

    Apply it under the permission check. Django's admin answers 200 where it refuses or asks back:
    only redirects and the answers of its popups say that something was done, and are stored.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> Response | HttpResponse:
        key = request.POST.get(ONCE) if request.method == "POST" else None
        if not key:
            return view(request, *args, **kwargs)
        return _answer_form_once(
            request,
            key,
            organization_id=None,
            actor=str(request.user.pk),
            act=lambda: view(request, *args, **kwargs),
            is_kept=_is_admin_result,
        )

    return answered


def _is_result(response: HttpResponse) -> bool:
    is_redirect = 300 <= response.status_code < 400
    return is_redirect or response.status_code == 201 or getattr(response, _DONE, False)


def _is_admin_result(response: HttpResponseBase) -> bool:
    if isinstance(response, TemplateResponse):
        return "popup_response_data" in (response.context_data or {})
    return 300 <= response.status_code < 400


def _answer_form_once(
    request: HttpRequest,
    key: str,
    *,
    organization_id: UUID | None,
    actor: str,
    act: Callable[[], Response],
    is_kept: Callable[[Response], bool],
    is_adding: bool = False,
) -> Response | HttpResponse:
    """Return the response of ``act``, or the stored one of the same form under the same key."""
    prefix = _ADDING if is_adding else _PREFIX
    content = sorted(
        (name, list(map(str, values)))
        for name, values in request.POST.lists()
        if name not in GUARD_FIELDS
    )
    # Another content is another creation: somebody went back and wrote a second one.
    files = [
        (name, file.name, _digest(file))
        for name, uploads in request.FILES.lists()
        for file in uploads
    ]
    fingerprint = fingerprint_of(request.get_full_path(), content, *files)
    given: list[Response] = []

    def store() -> StoredResponse:
        response = act()
        given.append(response)
        if not is_kept(response):
            return StoredResponse(response.status_code, "", is_kept=False)
        sealed = _seal(key, _content(request, response))
        location = response.headers.get("Location", "")
        if len(sealed) > MAX_KEPT_BYTES or len(location) > _MAX_LOCATION:
            return StoredResponse(response.status_code, "")
        return StoredResponse(response.status_code, sealed, location)

    answer, is_replayed = answer_once(
        organization_id=organization_id,
        actor=actor,
        key=f"{prefix}{hashlib.sha256(f'{key}|{fingerprint}'.encode()).hexdigest()}",
        fingerprint=fingerprint,
        act=store,
        wait_seconds=WAIT_SECONDS,
        redirects_kept_for=KEPT_FOR if is_adding else REDIRECTS_KEPT_FOR,
    )
    if not is_replayed:
        return given[0]
    setattr(request, _REPLAYED, True)
    return _again(request, key, answer)


def forget_older_answers(request: HttpRequest, began: datetime) -> None:
    """Forget the redirects that this person's earlier forms were answered with.

    For a form that was carried out, in a request that began at ``began``: whoever goes back to an
    older page and sends its form again means it.
    """
    if ONCE not in request.POST or getattr(request, _REPLAYED, False):
        return
    if tenancy.current() == tenancy.NOBODY:
        # No view was let in.
        return
    user, member = request.user, getattr(request, "membership", None)
    if not user.is_authenticated:
        return
    match = request.resolver_match
    is_admin = match is not None and match.app_name == "admin"
    if is_admin:
        owner, actor = None, str(user.pk)
    elif member:
        owner, actor = member.organization_id, str(member.actor_id)
    else:
        return
    before = began - AT_ONCE
    forget_redirects(organization_id=owner, actor=actor, prefix=_PREFIX, before=before)
    empty_redirects(organization_id=owner, actor=actor, prefix=_ADDING, before=before)


def purge_form_answers() -> None:
    """Delete redirects and empty pages that are not given again; that they were given stays."""
    now = timezone.now()
    forget_redirects_of_all(prefix=_PREFIX, before=now - REDIRECTS_KEPT_FOR)
    for prefix in (_PREFIX, _ADDING):
        forget_bodies(prefix=prefix, before=now - timedelta(seconds=SHOWN_AGAIN_SECONDS))


def _digest(file: UploadedFile) -> str:
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    # Whoever reads it next begins at its beginning.
    file.seek(0)
    return found.hexdigest()


def _content(request: HttpRequest, response: Any) -> str:
    if isinstance(response, TemplateResponse):
        response.render()
    if response.has_header("Location"):
        return json.dumps(queued_messages(request))
    return str(response.content.decode())


def _again(request: HttpRequest, key: str, answer: StoredResponse) -> HttpResponse:
    if answer.location:
        kept_for = int(REDIRECTS_KEPT_FOR.total_seconds())
        try:
            queued = json.loads(_unseal(key, answer.body, seconds=kept_for))
        except FormSentBefore as refusal:
            raise FormSentBefore(extra={"location": answer.location}) from refusal
        queue_messages(request, queued)
        response = HttpResponseRedirect(answer.location)
        response.status_code = answer.status
        return response
    body = _unseal(key, answer.body, seconds=SHOWN_AGAIN_SECONDS)
    return HttpResponse(body, status=answer.status)


def _seal(key: str, text: str) -> str:
    return cipher_of(key).encrypt(zlib.compress(text.encode())).decode()


def _unseal(key: str, sealed: str, *, seconds: int) -> str:
    """Return the content of a stored answer. Raise FormSentBefore for none or an older one."""
    if not sealed:
        raise FormSentBefore
    cipher = cipher_of(key)
    age = cipher.extract_timestamp(sealed.encode())
    if age + seconds < cipher.extract_timestamp(cipher.encrypt(b"")):
        raise FormSentBefore
    try:
        return zlib.decompress(cipher.decrypt(sealed.encode())).decode()
    except zlib.error as error:
        # Stored by a version that did not compress, minutes ago.
        raise FormSentBefore from error


def queued_messages(request: HttpRequest) -> list[list[Any]]:
    """Return [level, text, tags] of each message that this request added for the next page."""
    storage: Any = messages.get_messages(request)
    return [
        [each.level, str(each.message), each.extra_tags or ""] for each in storage._queued_messages
    ]


def queue_messages(request: HttpRequest, queued: list[list[Any]]) -> None:
    """Add what `queued_messages` returned for an earlier request."""
    for level, text, tags in queued:
        messages.add_message(request, level, text, extra_tags=tags)


def cipher_of(key: str) -> Fernet:
    """Return the cipher of a response, derived from the once-key."""
    material = f"once|{settings.SECRET_KEY}|{key}".encode()
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(material).digest()))


def is_once(view: Any) -> bool:
    """Return whether a view is decorated with `once`, under any other decorators."""
    while view is not None:
        if getattr(view, "is_once", False):
            return True
        view = getattr(view, "__wrapped__", None)
    return False
