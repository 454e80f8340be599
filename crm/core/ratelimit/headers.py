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


def note_standings(request: HttpRequest, standings: Sequence[LimitStatus]) -> None:
    """Store the request's limit states for the response headers."""
    setattr(request, _NOTED, [*noted_standings(request), *standings])


def noted_standings(request: HttpRequest) -> list[LimitStatus]:
    return list(getattr(request, _NOTED, []))


def write_headers(response: HttpResponse, standings: Sequence[LimitStatus]) -> None:
    if not standings:
        return
    response["RateLimit-Policy"] = ", ".join(
        f'"{each.name}";q={each.rate.burst};w={math.ceil(each.rate.window)}' for each in standings
    )
    response["RateLimit"] = ", ".join(
        f'"{each.name}";r={each.remaining};t={math.ceil(each.reset_after)}' for each in standings
    )
    nearest = min(standings, key=lambda each: (not each.is_refused, each.remaining))
    response["X-RateLimit-Limit"] = str(nearest.rate.burst)
    response["X-RateLimit-Remaining"] = str(nearest.remaining)
    response["X-RateLimit-Reset"] = str(math.ceil(time.time() + nearest.reset_after))
