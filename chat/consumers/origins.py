"""Origin check of sockets: browsers send cookies with requests of any page."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def header(scope: dict[str, Any], name: bytes) -> str | None:
    """Return the value of a header that was sent exactly once, else None."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def page_scheme(scope: dict[str, Any]) -> str:
    """Return the scheme of the pages that belong to a socket, by Django's rule for requests."""
    if trusted := settings.SECURE_PROXY_SSL_HEADER:
        name, secure_value = trusted
        value = header(scope, name.removeprefix("HTTP_").replace("_", "-").lower().encode())
        if value is not None:
            return "https" if value.partition(",")[0].strip() == secure_value else "http"
    return "https" if scope.get("scheme") in {"wss", "https"} else "http"


def is_own_origin(scope: dict[str, Any], *, required: bool) -> bool:
    """Return whether the page has our own scheme, host and port.

    An origin of CSRF_TRUSTED_ORIGINS counts as our own, as for forms. Without an Origin (no
    browser) the result is ``not required``.
    """
    if not any(key == b"origin" for key, _value in scope["headers"]):
        return not required
    origin, host = header(scope, b"origin"), header(scope, b"host")
    if origin is None or host is None:
        return False
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    # What was loaded without TLS could have been changed on its way.
    if parts.scheme != page_scheme(scope) or parts.hostname is None or parts.path:
        return False
    host_name, host_port = split_domain_port(host)
    default = _DEFAULT_PORTS[parts.scheme]
    shown = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return (
        shown == host_name
        and (str(port) if port else default) == (host_port or default)
        and validate_host(host_name, settings.ALLOWED_HOSTS)
    )
