"""Rate limiting: one limiter for pages, API, sockets and tasks.

``enforce("log_in", {"address": …, "account": …})`` counts one request against all of its limits in
one round trip to Redis, or raises and counts nothing. ``settings.RATE_LIMITS`` holds the limits;
the caller passes the keys.
"""

from crm.core.ratelimit.forms import count_form
from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import (
    LimitStatus,
    RateLimitExceeded,
    count_request,
    enforce,
    reset,
)
from crm.core.ratelimit.rates import Rate, rate_of

__all__ = [
    "LimitStatus",
    "Rate",
    "RateLimitExceeded",
    "client_address",
    "count_form",
    "count_request",
    "enforce",
    "rate_of",
    "reset",
]
