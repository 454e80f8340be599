"""Error handlers: a problem document in the API, else a page."""

import sys
from contextlib import suppress

from django.core.exceptions import BadRequest as BadRequestInForm
from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views import defaults

from crm.core.errors import (
    AppError,
    BadRequest,
    BodyTooLarge,
    Forbidden,
    InternalError,
    NotFound,
    UnknownHost,
)
from crm.core.http.exceptions import is_for_programs, problem_json, refusal_response
from crm.core.store_errors import outage_of

_REFUSALS: tuple[tuple[type[Exception], type[AppError]], ...] = (
    (DisallowedHost, UnknownHost),
    (RequestDataTooBig, BodyTooLarge),
    (TooManyFieldsSent, BodyTooLarge),
    (SuspiciousOperation, BadRequest),
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    for kind, refusal in _REFUSALS:
        if isinstance(exception, kind):
            return refusal_response(request, refusal())
    return refusal_response(request, BadRequest())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_programs(request):
        return problem_json(Forbidden())
    _read_form(request)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_programs(request):
        return problem_json(NotFound())
    _read_form(request)
    return defaults.page_not_found(request, exception)


def _read_form(request: HttpRequest) -> None:
    """Read the form now: the CSRF check of Django's error pages fails for one that is unreadable.

    A form that could not be read is empty from the second time on.
    """
    with suppress(BadRequestInForm, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        bool(request.POST)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that no view's middleware saw: that of a middleware, for one."""
    if (outage := outage_of(sys.exc_info()[1])) is not None:
        return refusal_response(request, outage)
    if is_for_programs(request):
        return problem_json(InternalError())
    return defaults.server_error(request)
