"""How often somebody may do something: one limiter for every way in.

``enforce("log_in", {"address": …, "account": …})`` counts one request against all of its limits in
one round trip to Redis, or refuses it and counts nothing. What the limits are is said in
``settings.RATE_LIMITS``; who is counted is said by the caller.
"""

from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import Refusal, Standing, enforce, forgive, standing_of
from crm.core.ratelimit.rates import Rate, rate_of

__all__ = [
    "Rate",
    "Refusal",
    "Standing",
    "client_address",
    "enforce",
    "forgive",
    "rate_of",
    "standing_of",
]
