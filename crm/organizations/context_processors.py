"""Context processors: the current membership, and the place in the settings."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.core import tenancy
from crm.core.records import Record, records
from crm.organizations.access import admitted_membership
from crm.organizations.models import Membership, User


def membership(request: HttpRequest) -> dict[str, Any]:
    """Return the current membership and the others that the user may switch to."""
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


def record_navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the records of the kit whose lists the member may open, in the sidebar's order."""
    return {"record_navigation": SimpleLazyObject(lambda: _readable_records(request))}


def _readable_records(request: HttpRequest) -> list[Record]:
    member = admitted_membership(request)
    if member is None:
        return []
    return [each for each in records() if not each.is_setting and member.may(each.area)]


def _of(user: User) -> list[Membership]:
    with tenancy.person(user.pk):
        return list(Membership.objects.of(user).active())


# allauth's pages among the settings name no entry of the navigation: their address does.
_ALLAUTH_PAGES = {"/app/settings/email/": "email", "/app/settings/security/": "security"}


def settings_place(request: HttpRequest) -> dict[str, Any]:
    """Return the active entry of the settings menu for allauth's pages, which do not set it."""
    if not request.path.startswith("/app/settings/"):
        return {}
    found = [key for start, key in _ALLAUTH_PAGES.items() if request.path.startswith(start)]
    return {"active_section": "settings", "active_page": found[0] if found else ""}
