"""Keys of rate limits in Redis."""

import hashlib
import hmac
import ipaddress
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from crm.core.http.forwarded import parse_address

# What one customer of a provider is given as a rule: they could use each address of it once.
_IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str:
    """Return the address that a request is counted under.

    Headers are not read: behind a proxy the web server itself replaces the address
    (`crm.core.http.forwarded`), and only where it was started with ``--proxy-headers``.
    """
    return counted_address(str(request.META.get("REMOTE_ADDR", "")))


def counted_address(address: str) -> str:
    """Return an IPv6 address as its network and an IPv4-mapped one as IPv4; "unknown"
    if invalid.
    """
    found = parse_address(address)
    if found is None:
        return "unknown"
    parsed = ipaddress.ip_address(found)
    if isinstance(parsed, ipaddress.IPv4Address):
        return found
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


def redis_key(*, endpoint: str, kind: str, subject: UUID | str) -> str:
    """Return the Redis key of a limit; addresses and emails are stored as a keyed hash only."""
    if isinstance(subject, UUID):
        name = subject.hex
    else:
        digest = hmac.new(settings.SECRET_KEY.encode(), subject.encode(), hashlib.sha256)
        name = digest.hexdigest()[:32]
    return f"ratelimit:{kind}.{name}:{endpoint}"
