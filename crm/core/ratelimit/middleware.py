"""Add rate-limit headers to responses, and throttle requests with invalid keys and tokens."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from crm.core.http.exceptions import problem_json
from crm.core.ratelimit.headers import record_limit_statuses, recorded_limit_statuses, write_headers
from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import RateLimitExceeded, enforce


def with_rate_limit_headers(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Add the rate-limit headers; count a response that rejects a key or token."""
    if response.status_code == HTTPStatus.UNAUTHORIZED and request.path.startswith("/api/"):
        try:
            enforce("api_refused", {"address": client_address(request)})
        except RateLimitExceeded as refusal:
            record_limit_statuses(request, refusal.statuses)
            response = problem_json(refusal)
    write_headers(response, recorded_limit_statuses(request))
    return response


class LimitsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return with_rate_limit_headers(request, self.get_response(request))
