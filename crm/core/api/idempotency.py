"""The ``Idempotency-Key`` header of creating requests."""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.idempotency import StoredResponse, answer_once, fingerprint_of
from crm.core.permissions.requests import principal_of

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

Post = Callable[..., Response]


def _content_of(data: Any) -> Any:
    """Return a body as JSON holds it: of a form all values, of a file a hash."""
    if not isinstance(data, QueryDict):
        return data
    return {name: [_hashed(each) for each in values] for name, values in data.lists()}


def _hashed(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    hashed = hashlib.sha256()
    for chunk in value.chunks():
        hashed.update(chunk)
    value.seek(0)
    return [value.name, hashed.hexdigest()]


def idempotent(post: Post) -> Post:
    """Make a view's ``post`` idempotent where an Idempotency-Key is sent.

    Not for responses that contain a secret: they would be stored in plain text.
    """

    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return post(view, request, *args, **kwargs)
        principal = principal_of(request)

        def act() -> StoredResponse:
            response = post(view, request, *args, **kwargs)
            body = JSONRenderer().render(response.data).decode()
            return StoredResponse(response.status_code, body, response.headers.get("Location", ""))

        answer, is_replayed = answer_once(
            organization_id=principal.organization_id,
            actor=str(principal.actor_id),
            key=key,
            fingerprint=fingerprint_of(request.method, request.path, _content_of(request.data)),
            act=act,
        )
        headers = {"Location": answer.location} if answer.location else {}
        if is_replayed:
            headers[REPLAYED] = "true"
        return Response(json.loads(answer.body), status=answer.status, headers=headers)

    once.is_idempotent = True  # type: ignore[attr-defined]  # read by the schema
    return once
