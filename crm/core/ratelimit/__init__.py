"""Rate limiting: one limiter for pages, API, sockets and tasks.

``enforce("log_in", {"address": …, "account": …})`` counts one request against all of its limits in
one round trip to Redis, or raises and counts nothing. ``settings.RATE_LIMITS`` holds the limits;
the caller passes the keys.
"""

from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import LimitStatus, RateLimitExceeded, enforce, reset, standing_of
from crm.core.ratelimit.rates import Rate, rate_of

__all__ = [
    "LimitStatus",
    "Rate",
    "RateLimitExceeded",
    "client_address",
    "enforce",
    "rate_of",
    "reset",
    "standing_of",
]
