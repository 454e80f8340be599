"""Correlation id, access log line and metrics of every HTTP request."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch
from django.utils.decorators import sync_and_async_middleware

from crm.core.observability.metrics import http_request_seconds
from crm.core.observability.tracing import Trace, accept_id, bind_trace

logger = logging.getLogger(__name__)

REQUEST_HEADERS = ("X-Request-ID", "X-Correlation-ID")
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Probes and scrapes come every few seconds for ever; they are measured, but told only at DEBUG.
QUIET_VIEWS = frozenset({"operations:health", "operations:ready", "operations:metrics"})


def trace_of(request: HttpRequest) -> Trace:
    """Continue the client's correlation id if well-formed, else create one."""
    candidate = next(
        (request.headers[name] for name in REQUEST_HEADERS if name in request.headers), None
    )

    def user_id() -> str | None:
        # Only what the view has already asked for: a log line must not cost a query.
        user = getattr(request, "_cached_user", None)
        return str(user.pk) if user is not None and user.is_authenticated else None

    return Trace(accept_id(candidate), user_of=user_id)


def _harmless_parameters(match: ResolverMatch) -> dict[str, Any]:
    """Return the integer and UUID parameters of a path; strings may be names or secret tokens."""
    return {
        name: value for name, value in match.kwargs.items() if isinstance(value, int | uuid.UUID)
    }


def finish(
    request: HttpRequest, response: HttpResponseBase, trace: Trace, started: float
) -> HttpResponseBase:
    """Add the X-Request-ID header, record the duration and write the access log line."""
    seconds = time.perf_counter() - started
    response["X-Request-ID"] = trace.correlation_id
    match = request.resolver_match
    view = getattr(request, "probe_name", None) or (match.view_name if match else "unmatched")
    method = request.method if request.method in KNOWN_METHODS else "other"
    http_request_seconds.labels(
        view=view or "unnamed", method=method, status=str(response.status_code)
    ).observe(seconds)
    metadata: dict[str, Any] = {
        "action": "http.request",
        "method": method,
        "route": match.route if match else None,
        "view": view,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
        **trace.used(),
    }
    if match and (parameters := _harmless_parameters(match)):
        metadata["parameters"] = parameters
    level = logging.INFO
    if view in QUIET_VIEWS:
        level = logging.DEBUG
    elif response.status_code >= 500:
        level = logging.WARNING
    logger.log(level, "%s %s: %d", method, view, response.status_code, extra={"metadata": metadata})
    return response


@sync_and_async_middleware
def correlation_middleware(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], Any]:
    """Accept a well-formed X-Request-ID or create one, return it, and log the request."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            started = time.perf_counter()
            trace = trace_of(request)
            with bind_trace(trace):
                response = await cast(Awaitable[HttpResponseBase], get_response(request))
                return finish(request, response, trace, started)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        trace = trace_of(request)
        with bind_trace(trace):
            return finish(request, get_response(request), trace, started)

    return answer
