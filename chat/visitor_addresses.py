"""A visitor's last address, as a keyed hash in Redis, for the bot's rate limits.

A visitor starts with a session and returns with a ticket, both over HTTP; later messages come
through a socket and are answered by a worker, which does not know the address.
"""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings
from redis.exceptions import RedisError

from crm.core import redis_circuit_breaker
from crm.core.redis_values import text_of

# As long as a visit may last on one ticket.
KEPT_SECONDS = 24 * 3600


def note_address(customer_id: UUID, address: str) -> None:
    """Store a visitor's address; without Redis it is not counted."""
    digest = hmac.new(settings.SECRET_KEY.encode(), address.encode(), hashlib.sha256).hexdigest()
    if not redis_circuit_breaker.answers():
        return
    try:
        redis_circuit_breaker.client().set(_key(customer_id), digest[:32], ex=KEPT_SECONDS)
    except RedisError as error:
        redis_circuit_breaker.note_failure(error)


def address_of(customer_id: UUID) -> str | None:
    """Return the hash of a visitor's last address; None where unknown."""
    if not redis_circuit_breaker.answers():
        return None
    try:
        found = redis_circuit_breaker.client().get(_key(customer_id))
    except RedisError as error:
        redis_circuit_breaker.note_failure(error)
        return None
    return text_of(found) if found is not None else None


def _key(customer_id: UUID) -> str:
    return f"visitor_address:{customer_id}"
