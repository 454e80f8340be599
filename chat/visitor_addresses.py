"""A visitor's last address, as a keyed hash in Redis, for the bot's rate limits.

A visitor's messages are answered by a worker, which does not know the address that they came from:
it is noted with every session, ticket and message, over HTTP and through sockets.
"""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from crm.core import redis_circuit_breaker
from crm.core.redis_values import text_of

# Much longer than a message waits for its answer.
KEPT_SECONDS = 24 * 3600
_UNKNOWN = "unknown"


def store_address(customer_id: UUID, address: str) -> None:
    """Store a visitor's address; without Redis it is not counted."""
    digest = hmac.new(settings.SECRET_KEY.encode(), address.encode(), hashlib.sha256).hexdigest()
    if not redis_circuit_breaker.answers():
        return
    try:
        redis_circuit_breaker.client().set(_key(customer_id), digest[:32], ex=KEPT_SECONDS)
    except RedisError as error:
        redis_circuit_breaker.record_failure(error)


def counted_as(*, organization_id: UUID, customer_id: UUID) -> str | None:
    """Return under whom a visitor is counted: the hash of their last address.

    Visitors of an organization whose address is unknown are counted as one. None while Redis does
    not answer: then nobody's address is known.
    """
    if not redis_circuit_breaker.answers():
        return None
    try:
        found = redis_circuit_breaker.client().get(_key(customer_id))
    except ResponseError:
        # Not written by us.
        found = None
    except RedisError as error:
        redis_circuit_breaker.record_failure(error)
        return None
    return f"{organization_id}|{_UNKNOWN if found is None else text_of(found)}"


def _key(customer_id: UUID) -> str:
    return f"visitor_address:{customer_id}"
