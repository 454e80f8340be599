"""What every page knows of who is looking."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.accounts.impersonation import impersonated_by
from crm.accounts.models import Membership, User
from crm.core import tenancy


def membership(request: HttpRequest) -> dict[str, Any]:
    """Give templates the current membership and the others that one may switch to."""
    current = getattr(request, "membership", None)
    if not current:
        return {"membership": None}
    if getattr(current, "impersonation", None):
        # An operator chose one organization, and sees no other.
        return {"membership": current, "memberships": [current]}
    return {
        "membership": current,
        "memberships": SimpleLazyObject(lambda: _of(current.user)),
    }


def impersonation(request: HttpRequest) -> dict[str, Any]:
    """Tell each page whether an operator sees it as somebody else; not the operator's own."""
    if not hasattr(request, "user"):
        return {}
    return {"seen_as": SimpleLazyObject(lambda: _seen_as(request))}


def providers(request: HttpRequest) -> dict[str, Any]:
    """Tell whether there is any other account to log in with."""
    return {"has_providers": bool(settings.OAUTH_PROVIDERS)}


def _seen_as(request: HttpRequest) -> Membership | None:
    return impersonated_by(request) if request.user.is_authenticated else None


def _of(user: User) -> list[Membership]:
    with tenancy.person(user.pk):
        return list(Membership.objects.of(user).active())


# allauth's pages among the settings name no entry of the navigation: their address does.
_ALLAUTH_PAGES = {"/app/settings/email/": "email", "/app/settings/security/": "security"}


def settings_place(request: HttpRequest) -> dict[str, Any]:
    """Tell which entry a page among the settings belongs to, where its view does not say."""
    if not request.path.startswith("/app/settings/"):
        return {}
    found = [key for start, key in _ALLAUTH_PAGES.items() if request.path.startswith(start)]
    return {"active_section": "settings", "active_page": found[0] if found else ""}
