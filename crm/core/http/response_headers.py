"""Django's response headers for requests that bypass its middleware."""

from typing import NoReturn

from csp.middleware import CSPMiddleware
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from crm.core.errors import UnknownHost
from crm.core.http.exceptions import problem_json


def _unused(request: HttpRequest) -> NoReturn:
    raise NotImplementedError


_DRESSING = (
    SecurityMiddleware(_unused),
    CSPMiddleware(_unused),
    XFrameOptionsMiddleware(_unused),
)


def rejection_of(request: HttpRequest) -> HttpResponse | None:
    """Return 400 for an unknown host or the redirect to HTTPS where it is required, else None."""
    try:
        request.get_host()
    except DisallowedHost:
        return problem_json(UnknownHost())
    return _DRESSING[0].process_request(request)


def dress(request: HttpRequest, response: HttpResponse) -> None:
    """Add the security headers to the response."""
    for middleware in _DRESSING:
        middleware.process_response(request, response)
