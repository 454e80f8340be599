"""What every page knows of who is looking."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from crm.accounts.models import Membership


def membership(request: HttpRequest) -> dict[str, Any]:
    """Give templates the current membership and the others that one may switch to."""
    current = getattr(request, "membership", None)
    if not current:
        return {"membership": None}
    return {
        "membership": current,
        "memberships": Membership.objects.of(current.user).active(),
    }


def providers(request: HttpRequest) -> dict[str, Any]:
    """Tell whether there is any other account to log in with."""
    return {"has_providers": bool(settings.OAUTH_PROVIDERS)}
