"""What every page knows of who is looking."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from config import tenancy
from crm.accounts.models import Membership, User


def membership(request: HttpRequest) -> dict[str, Any]:
    """Give templates the current membership and the others that one may switch to."""
    current = getattr(request, "membership", None)
    if not current:
        return {"membership": None}
    return {
        "membership": current,
        "memberships": SimpleLazyObject(lambda: _of(current.user)),
    }


def providers(request: HttpRequest) -> dict[str, Any]:
    """Tell whether there is any other account to log in with."""
    return {"has_providers": bool(settings.OAUTH_PROVIDERS)}


def _of(user: User) -> list[Membership]:
    with tenancy.person(user.pk):
        return list(Membership.objects.of(user).active())
