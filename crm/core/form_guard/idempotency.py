"""Once-keys: a form that creates a record creates it once, however often it is submitted.

Every form carries a random key. The first submission runs in the transaction that stores its
response under the key; a repeated one with the same content, also a concurrent one, waits and gets
that response; a redirect for a minute only, and not after its person has done something else by a
form: what it says may be undone by then. A response may show a secret (an API key): it is
encrypted with a key derived from the once-key, of which the database has only a hash.
"""

import base64
import hashlib
import json
from collections.abc import Callable
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

from crm.core import tenancy
from crm.core.form_guard.errors import FormSentBefore
from crm.core.form_guard.stamps import GUARD_FIELDS, ONCE
from crm.core.idempotency import StoredResponse, answer_once, fingerprint_of, forget_redirects
from crm.core.permissions.requests import principal_of

# Later the record may be gone, and "Saved" would be untrue.
REDIRECTS_KEPT_FOR = timedelta(minutes=1)
# Two forms within this time are of two tabs at once, and neither has to do with the other.
AT_ONCE = timedelta(seconds=2)
_PREFIX = "form:"
_REPLAYED = "_form_answer_is_replayed"
# How long a page that was answered with can be shown again; it may hold a secret.
SHOWN_AGAIN_SECONDS = 600
WAIT_SECONDS = 15
P = ParamSpec("P")
Response = TypeVar("Response", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def once(view: View[P]) -> View[P]:
    """Answer a repeated POST with the first response. Apply it under `member_required`.

    Errors (400 and above) are not stored: nothing was created, and the form may be sent again.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
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
            is_kept=lambda response: response.status_code < 400,
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
) -> Response | HttpResponse:
    """Return the response of ``act``, or the stored one of the same form under the same key."""
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
        return StoredResponse(
            response.status_code,
            _seal(key, _content(request, response)),
            response.headers.get("Location", ""),
        )

    answer, is_replayed = answer_once(
        organization_id=organization_id,
        actor=actor,
        key=f"{_PREFIX}{hashlib.sha256(f'{key}|{fingerprint}'.encode()).hexdigest()}",
        fingerprint=fingerprint,
        act=store,
        wait_seconds=WAIT_SECONDS,
        redirects_kept_for=REDIRECTS_KEPT_FOR,
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
    forget_redirects(organization_id=owner, actor=actor, prefix=_PREFIX, before=began - AT_ONCE)


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
        storage: Any = messages.get_messages(request)
        told = [
            [message.level, str(message.message), message.extra_tags or ""]
            for message in storage._queued_messages
        ]
        return json.dumps(told)
    return str(response.content.decode())


def _again(request: HttpRequest, key: str, answer: StoredResponse) -> HttpResponse:
    if answer.location:
        for level, text, tags in json.loads(_unseal(key, answer.body, seconds=None)):
            messages.add_message(request, level, text, extra_tags=tags)
        response = HttpResponseRedirect(answer.location)
        response.status_code = answer.status
        return response
    body = _unseal(key, answer.body, seconds=SHOWN_AGAIN_SECONDS)
    return HttpResponse(body, status=answer.status)


def _seal(key: str, text: str) -> str:
    return cipher_of(key).encrypt(text.encode()).decode()


def _unseal(key: str, sealed: str, *, seconds: int | None) -> str:
    cipher = cipher_of(key)
    if seconds is not None:
        age = cipher.extract_timestamp(sealed.encode())
        if age + seconds < cipher.extract_timestamp(cipher.encrypt(b"")):
            raise FormSentBefore
    return cipher.decrypt(sealed.encode()).decode()


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
