"""Every request of a logged-in person runs as one of their memberships."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from crm.accounts.models import Membership
from crm.accounts.services import SESSION_KEY, current_membership


class OrganizationMiddleware:
    """Put ``request.membership`` (a Membership or None) in place, read when first asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def membership() -> Membership | None:
            if not request.user.is_authenticated:
                return None
            return current_membership(
                user=request.user,
                organization_id=request.session.get(SESSION_KEY),
            )

        request.membership = SimpleLazyObject(membership)  # type: ignore[attr-defined]
        return self.get_response(request)
