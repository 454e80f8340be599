"""Rate limiting of page forms that write, by person, as the API limits its callers."""

from django.http import HttpRequest

from crm.core.ratelimit.headers import record_limit_statuses
from crm.core.ratelimit.limiter import RateLimitExceeded, enforce

_COUNTED = "_form_count"


def count_form(request: HttpRequest) -> None:
    """Count a form that was sent, valid or not, once for its request. Raise RateLimitExceeded,
    for the same request each time.
    """
    if not hasattr(request, _COUNTED):
        setattr(request, _COUNTED, _refusal(request))
    if refusal := getattr(request, _COUNTED):
        raise refusal


def _refusal(request: HttpRequest) -> RateLimitExceeded | None:
    try:
        enforce("form", {"user": request.user.pk})
    except RateLimitExceeded as refusal:
        record_limit_statuses(request, refusal.statuses)
        return refusal
    return None
