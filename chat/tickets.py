"""Single-use tickets that authenticate a socket in its first frame.

A ticket is never part of a URL, is valid for seconds, and Redis stores only its hash. Its claims
are signed: write access to Redis is not enough to create a ticket.
"""

import hashlib
import secrets
from typing import Any

from django.core import signing
from redis.exceptions import ResponseError

from chat.errors import TicketInvalid
from crm.core import stores
from crm.core.redis_values import text_of

_SALT = "chat.tickets"
TICKET_SECONDS = 30


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


def issue_ticket(*, kind: str, claims: dict[str, str]) -> str:
    """Issue a ticket for one socket of this kind (``visitor`` or ``agent``)."""
    ticket = secrets.token_urlsafe(32)
    signed = signing.dumps({"kind": kind, **claims}, salt=f"{_SALT}:{ticket}")
    stores.redis().set(_key(ticket), signed, ex=TICKET_SECONDS)
    return ticket


def redeem_ticket(*, kind: str, ticket: str) -> dict[str, Any]:
    """Return the ticket's claims and invalidate it. Raise TicketInvalid."""
    try:
        stored = stores.redis().getdel(_key(ticket))
        claims: dict[str, Any] = signing.loads(text_of(stored), salt=f"{_SALT}:{ticket}")
    except (signing.BadSignature, ValueError, ResponseError) as error:
        raise TicketInvalid from error
    if claims.pop("kind") != kind:
        raise TicketInvalid
    return claims
