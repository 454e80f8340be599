"""Middleware of sessions and memberships."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from crm.authentication.impersonation import impersonated_by, impersonated_user
from crm.authentication.principals import session_membership
from crm.authentication.services.sessions import is_session_good
from crm.core import tenancy
from crm.organizations.models import Membership, User


def logged_in_user(request: HttpRequest) -> User | AnonymousUser:
    """Return the user whom this session runs as: its owner, or the user they impersonate.

    An invalid session is flushed, and AnonymousUser returned.
    """
    if not hasattr(request, "_checked_user"):
        user = get_user(request)
        if isinstance(user, User) and not is_session_good(request, user):
            request.session.flush()
            user = request._cached_user = AnonymousUser()  # type: ignore[attr-defined]
        if isinstance(user, User):
            user = impersonated_user(request, user)
        request._checked_user = user  # type: ignore[attr-defined]
    return request._checked_user  # type: ignore[attr-defined]


class LogInMiddleware(AuthenticationMiddleware):
    """Django's own, with an anonymous ``request.user`` once the session was ended or
    has expired.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: logged_in_user(request))  # type: ignore[assignment]
        request.auser = sync_to_async(lambda: logged_in_user(request))


class OrganizationMiddleware:
    """Set ``request.membership`` (a Membership or None), loaded lazily.

    From then on the rows of that organization are visible; before, none are.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def membership() -> Membership | None:
            if not request.user.is_authenticated:
                return None
            if (impersonated := impersonated_by(request)) is not None:
                tenancy.enter(impersonated.organization_id)
                return impersonated
            found = session_membership(request.session, request.user)
            # A visitor's token, or the operator's admin, has said already whose rows are meant.
            if found is not None and tenancy.current() == tenancy.NOBODY:
                tenancy.enter(found.organization_id)
            return found

        request.membership = SimpleLazyObject(membership)  # type: ignore[attr-defined]
        with tenancy.no_tenant():
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> None:
        """Open all organizations to operators, in the admin only."""
        match = request.resolver_match
        if match is not None and match.app_name == "admin" and admin.site.has_permission(request):
            tenancy.enter_everything("The operator's admin.")
