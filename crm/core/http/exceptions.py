"""Translation of errors to HTTP responses."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from crm.core.errors import AppError, BadRequest, Busy, MethodNotAllowed, StoreUnavailable
from crm.core.store_errors import collision_of, outage_of

logger = logging.getLogger(__name__)

_API = "/api/"


def is_for_programs(request: HttpRequest) -> bool:
    """Return whether the request is for the API, which never responds with a page."""
    return request.path_info.startswith(_API)


def is_from_script(request: HttpRequest) -> bool:
    """Return whether a script of a page asks: it stays where it is, with what was typed."""
    accepted = request.headers.get("Accept", "")
    wants_json = "application/json" in accepted and "text/html" not in accepted
    return wants_json or "HX-Request" in request.headers


def problem(error: AppError) -> dict[str, object]:
    """Serialize an error as RFC 9457 problem details; ``code`` is the stable part."""
    return {
        "type": "about:blank",
        "title": error.message,
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        **error.extra,
    }


def problem_json(error: AppError) -> JsonResponse:
    response = JsonResponse(
        problem(error), status=error.status, content_type="application/problem+json"
    )
    if error.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    _set_retry_after(response, error)
    return response


def _set_retry_after(response: HttpResponse, error: AppError) -> None:
    if retry_after := error.extra.get("retry_after"):
        response["Retry-After"] = str(max(1, round(float(retry_after))))


def refusal_response(request: HttpRequest, error: AppError) -> HttpResponse:
    """Return a problem document for the API, an HTML page elsewhere.

    Requires no middleware to have run before.
    """
    if is_for_programs(request):
        return problem_json(error)
    context = {"error": error, "request": request}
    # The context processors ask the stores, one of which may be what is away.
    asking = None if isinstance(error, StoreUnavailable) else request
    page = render_to_string("refusal.html", context, asking)
    response = HttpResponse(page, status=error.status)
    _set_retry_after(response, error)
    return response


class ExceptionMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == MethodNotAllowed.status and not response.content:
            # Django's own has no word to say.
            explained = refusal_response(request, MethodNotAllowed())
            explained["Allow"] = response["Allow"]
            return explained
        return response

    def process_view(self, request: HttpRequest, *view: object) -> None:
        """Raise Http404 for a page's path with NUL, which PostgreSQL refuses to look up."""
        if "\x00" in request.path_info and not is_for_programs(request):
            raise Http404

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError) and "NUL" in str(error):
            error = BadRequest()
        outage = outage_of(error)
        if isinstance(outage, Busy):
            logger.warning("A lock was not free in time.", exc_info=error)
        elif outage is not None:
            logger.error("A store does not answer.", exc_info=error)
        error = outage or collision_of(error) or error
        if not isinstance(error, AppError):
            return None
        if not is_for_programs(request) and "text/html" in request.headers.get("Accept", ""):
            return refusal_response(request, error)
        return problem_json(error)
