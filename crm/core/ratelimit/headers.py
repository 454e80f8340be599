"""Rate-limit headers of every response that was counted.

``RateLimit`` and ``RateLimit-Policy`` follow the IETF draft (structured fields, seconds);
``X-RateLimit-*`` describe the limit with the least remaining, for clients that know only those.
"""

import math
import time
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from crm.core.ratelimit.limiter import LimitStatus

_NOTED = "rate_limit_standings"


def record_limit_statuses(request: HttpRequest, statuses: Sequence[LimitStatus]) -> None:
    """Store the request's limit states for the response headers, the latest of each limit."""
    latest = {each.name: each for each in [*recorded_limit_statuses(request), *statuses]}
    setattr(request, _NOTED, list(latest.values()))


def recorded_limit_statuses(request: HttpRequest) -> list[LimitStatus]:
    return list(getattr(request, _NOTED, []))


def write_headers(response: HttpResponse, statuses: Sequence[LimitStatus]) -> None:
    if not statuses:
        return
    response["RateLimit-Policy"] = ", ".join(
        f'"{each.name}";q={each.rate.burst};w={math.ceil(each.rate.window)}' for each in statuses
    )
    response["RateLimit"] = ", ".join(
        f'"{each.name}";r={each.remaining};t={math.ceil(each.reset_after)}' for each in statuses
    )
    nearest = min(statuses, key=lambda each: (not each.is_refused, each.remaining))
    response["X-RateLimit-Limit"] = str(nearest.rate.burst)
    response["X-RateLimit-Remaining"] = str(nearest.remaining)
    response["X-RateLimit-Reset"] = str(math.ceil(time.time() + nearest.reset_after))
