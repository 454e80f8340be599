"""One-use tickets: what a socket shows in its first frame instead of a cookie or a token.

A ticket is never part of a URL, lives for seconds, and Redis knows only its hash.
"""

import hashlib
import json
import secrets
from typing import Any

from chat.errors import TicketInvalid
from config import stores

TICKET_SECONDS = 30


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


def issue_ticket(*, kind: str, claims: dict[str, str]) -> str:
    """Give a ticket for one socket of this kind (``visitor`` or ``agent``)."""
    ticket = secrets.token_urlsafe(32)
    stores.redis().set(_key(ticket), json.dumps({"kind": kind, **claims}), ex=TICKET_SECONDS)
    return ticket


def redeem_ticket(*, kind: str, ticket: str) -> dict[str, Any]:
    """Give what was claimed when the ticket was issued; a second time there is nothing."""
    stored = stores.redis().getdel(_key(ticket))
    if not isinstance(stored, bytes | str):
        raise TicketInvalid
    claims: dict[str, Any] = json.loads(stored)
    if claims.pop("kind") != kind:
        raise TicketInvalid
    return claims
