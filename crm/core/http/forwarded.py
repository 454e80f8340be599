"""Client addresses behind proxies, for requests and sockets.

Each proxy appends the address of its peer to ``X-Forwarded-For``. Only the entries of our own
proxies are trusted: counted from the right, as many as there are proxies.
"""

import ipaddress
import re
from collections.abc import Iterable

_WITH_PORT = re.compile(r"(?P<address>[0-9.]+):(?P<port>[0-9]{1,5})")
_BRACKETED = re.compile(r"\[(?P<address>[^\[\]]*)\](?::(?P<port>[0-9]{1,5}))?")
_HEADERS = {"address": b"x-forwarded-for", "proto": b"x-forwarded-proto"}

# What one customer of a provider is given as a rule: they could use each address of it once.
_IPV6_PREFIX = 64

Headers = Iterable[tuple[bytes, bytes]]


def parse_address(text: str) -> str | None:
    """Return the IP address of one entry, or None if invalid.

    Accepted are IPv4, IPv6, either with a port (``203.0.113.7:50123``, ``[2001:db8::7]:443``), in
    brackets, in quotes and with a zone (``fe80::1%eth0``).
    """
    text = text.strip().strip('"')
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        parsed = ipaddress.ip_address(found["address"] if found else text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(parsed).partition("%")[0]
    return str(parsed)


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


def forwarded_address(headers: Headers, *, proxies: int) -> str | None:
    """Return the client address that the outermost of ``proxies`` trusted proxies recorded.

    None where the header is missing or invalid: the peer's address is used then.
    """
    entries = [entry for value in _values(headers, "address") for entry in value.split(",")]
    if not entries or proxies < 1:
        return None
    return parse_address(entries[-proxies] if proxies <= len(entries) else entries[0])


def forwarded_proto(headers: Headers) -> str | None:
    """Return ``http`` or ``https`` as recorded by the proxy; None if missing."""
    for value in _values(headers, "proto"):
        proto = value.split(",")[0].strip().lower()
        return proto if proto in {"http", "https"} else None
    return None


def _values(headers: Headers, name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == _HEADERS[name]]
