"""Once-keys of anonymous forms: a repeated submission gets the first response.

Without a user to store the response for, it is kept in Redis for a few seconds, encrypted with the
page's once-key. It includes cookies and session, because a browser discards the first response when
the second submission starts. Without Redis each submission is processed separately.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from cryptography.fernet import InvalidToken
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from crm.core import stores
from crm.core.form_guard.idempotency import cipher_of, queue_messages, queued_messages
from crm.core.form_guard.stamps import GUARD_FIELDS, ONCE

KEPT_SECONDS = 20
WAIT_SECONDS = 15
_LOCKED_SECONDS = 30
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def once_for_anyone(view: View[P]) -> View[P]:
    """Answer a repeated anonymous POST with the redirect of the first one.

    A concurrent submission waits for the first. Errors are not stored.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        key = request.POST.get(ONCE) if request.method == "POST" else None
        if not key or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        name = _name(request, key)
        lock = stores.redis().lock(
            f"{name}:lock", timeout=_LOCKED_SECONDS, blocking_timeout=WAIT_SECONDS, sleep=0.05
        )
        try:
            if not lock.acquire():
                return view(request, *args, **kwargs)
        except RedisError:
            return view(request, *args, **kwargs)
        try:
            kept = _kept(name, key)
            if kept and (not kept["session"] or request.session.exists(kept["session"])):
                return _again(request, kept)
            response = view(request, *args, **kwargs)
            if 300 <= response.status_code < 400:
                _keep(request, response, name, key)
            return response
        finally:
            with suppress(RedisError):
                lock.release()

    return answered


def _name(request: HttpRequest, key: str) -> str:
    """Return the Redis key of a submission: a hash of the once-key and all fields."""
    content = sorted(
        (name, values) for name, values in request.POST.lists() if name not in GUARD_FIELDS
    )
    plain = json.dumps([key, request.get_full_path(), content])
    return f"form-once:{hashlib.sha256(plain.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _keep(request: HttpRequest, response: HttpResponse, name: str, key: str) -> None:
    session = request.session
    if session.modified and not session.is_empty():
        # The middleware saves it later than a second submission may go on with it.
        session.save()
    answer = {
        "status": response.status_code,
        "location": response.headers["Location"],
        "session": session.session_key or "",
        "cookies": [morsel.OutputString() for morsel in response.cookies.values()],
        "messages": queued_messages(request),
    }
    sealed = cipher_of(key).encrypt(json.dumps(answer).encode())
    with suppress(RedisError):
        stores.redis().set(name, sealed, ex=KEPT_SECONDS)


def _kept(name: str, key: str) -> dict[str, Any] | None:
    with suppress(RedisError, InvalidToken):
        if sealed := stores.redis().get(name):
            found: dict[str, Any] = json.loads(cipher_of(key).decrypt(sealed, ttl=KEPT_SECONDS))
            return found
    return None


def _again(request: HttpRequest, answer: dict[str, Any]) -> HttpResponse:
    if answer["session"]:
        request.session = type(request.session)(answer["session"])
        # So that the middleware sends its cookie.
        request.session.modified = True
    queue_messages(request, answer["messages"])
    response = HttpResponse(status=answer["status"], headers={"Location": answer["location"]})
    for cookie in answer["cookies"]:
        response.cookies.load(cookie)
    return response
