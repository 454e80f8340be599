"""Keys of rate limits in Redis."""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from crm.core.http.forwarded import counted_address


def client_address(request: HttpRequest) -> str:
    """Return the address that a request is counted under.

    Headers are not read: behind a proxy the web server itself replaces the address
    (`crm.core.http.forwarded`), and only where it was started with ``--proxy-headers``.
    """
    return counted_address(str(request.META.get("REMOTE_ADDR", "")))


def redis_key(*, endpoint: str, kind: str, subject: UUID | str) -> str:
    """Return the Redis key of a limit; addresses and emails are stored as a keyed hash only."""
    if isinstance(subject, UUID):
        name = subject.hex
    else:
        digest = hmac.new(settings.SECRET_KEY.encode(), subject.encode(), hashlib.sha256)
        name = digest.hexdigest()[:32]
    return f"ratelimit:{kind}.{name}:{endpoint}"
