"""Requests whose headers or query cannot be parsed: they are refused with 400."""

import logging
import time
from typing import IO, Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.utils import translation

from crm.core.errors import AppError, BadRequest
from crm.core.http.exceptions import refusal_response
from crm.core.http.response_headers import dress
from crm.core.observability.correlation import finish, trace_of
from crm.core.observability.tracing import bind_trace

logger = logging.getLogger(__name__)


def request_of(scope: dict[str, Any], body: IO[bytes]) -> tuple[ASGIRequest, type[AppError] | None]:
    """Return the request and None, or one without headers and query and the error to answer with.

    The parsers of headers promise nothing about what they raise.
    """
    try:
        return ASGIRequest(scope, body), None
    except Exception as error:  # noqa: BLE001  whatever it is, the header of a stranger caused it
        logger.info(
            "A request could not be parsed.",
            extra={"metadata": {"action": "http.unreadable", "error": type(error).__name__}},
        )
        return ASGIRequest({**scope, "headers": [], "query_string": b""}, body), BadRequest


def refused(request: ASGIRequest, refusal: type[AppError]) -> HttpResponse:
    """Return the answer to a request that no middleware sees, recorded as they would."""
    started, trace = time.perf_counter(), trace_of(request)
    with bind_trace(trace), translation.override(settings.LANGUAGE_CODE):
        response = refusal_response(request, refusal())
        dress(request, response)
        finish(request, response, trace, started)
    return response
