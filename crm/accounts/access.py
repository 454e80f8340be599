"""Access control of pages and API: every request runs as a member of one organization."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm.accounts.errors import NoOrganization, SecondFactorMissing
from crm.accounts.models import Membership
from crm.accounts.principals import require_second_factor

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def membership_of(request: HttpRequest | Request) -> Membership:
    """Return the membership that the request runs as.

    Raise NoOrganization or SecondFactorMissing. Every view that acts for a member calls this.
    """
    membership = getattr(request, "membership", None)
    if not membership:
        raise NoOrganization
    require_second_factor(membership)
    return cast(Membership, membership)


def admitted_membership(request: HttpRequest) -> Membership | None:
    """Return the membership of a request, None without one or without the required second factor.

    For what every page shows of the organization, also the pages where the factor is set up.
    """
    try:
        return membership_of(request)
    except (NoOrganization, SecondFactorMissing):
        return None


def member_required(view: View[P]) -> View[P]:
    """Require a log-in and a membership; redirect to the log-in or the page that
    explains the lack.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not getattr(request, "membership", None):
            return redirect("accounts:no_organization")
        try:
            membership_of(request)
        except SecondFactorMissing:
            # Before anything else, and told by that page.
            return redirect("mfa_index")
        return view(request, *args, **kwargs)

    return login_required(checked)


class IsMember(BasePermission):
    """The same for API views."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        membership_of(request)
        return True
