"""Reject bodies that are too large or undecodable before a view reads them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from crm.core.errors import AppError, BodyTooLarge, UnsupportedMediaType
from crm.core.http.body_limit import TOO_LARGE
from crm.core.http.exceptions import refusal_response

_CHARSETS = frozenset({"utf-8", "utf8"})


class BodyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if refusal := _refusal(request):
            return refusal_response(request, refusal)
        return self.get_response(request)


def _refusal(request: HttpRequest) -> AppError | None:
    scope = getattr(request, "scope", {})
    if TOO_LARGE in scope or _length(request) > settings.MAX_BODY_BYTES:
        return BodyTooLarge(extra={"max_bytes": settings.MAX_BODY_BYTES})
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.strip("\"'").lower() not in _CHARSETS:
        # Python knows many that are no encodings of texts; forms and JSON are sent in UTF-8.
        return UnsupportedMediaType()
    return None


def _length(request: HttpRequest) -> int:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(length) if length.isdecimal() else 0
