"""Access to operational data: the scraper by its token, operators by session, and localhost."""

import ipaddress
import secrets

from django.conf import settings
from django.http import HttpRequest

from crm.core.admin import site

# A proxy on the same machine would make everybody look local.
_FORWARDING_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def has_metrics_token(request: HttpRequest) -> bool:
    """Compare in constant time; an empty setting matches nothing."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return (
        bool(settings.METRICS_TOKEN)
        and scheme.lower() == "bearer"
        and secrets.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode())
    )


def is_from_this_machine(request: HttpRequest) -> bool:
    if any(header in request.headers for header in _FORWARDING_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def is_operator(request: HttpRequest) -> bool:
    """Return whether a superuser with access to the operator's admin sends the request."""
    user = getattr(request, "user", None)
    return user is not None and bool(user.is_superuser) and site.is_operator(request)
