"""Rate limiting of the API, as a throttle of DRF."""

from typing import Any

from django.views import View
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from crm.core.ratelimit.headers import record_limit_statuses
from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import LimitStatus, RateLimitExceeded, Subjects, enforce


class ApiThrottle(BaseThrottle):
    """Count a request against its authenticated caller or address.

    A view with other limits sets ``limit_endpoint``; a view that counts another subject has a
    method ``limit_subjects(request)``.
    """

    def allow_request(self, request: Request, view: View) -> bool:
        self.charge(request, view)
        return True

    def charge(self, request: Request, view: View, units: int = 1) -> None:
        """Count so many requests, or raise and count none.

        A view whose request does the work of several calls this for the others.
        """
        endpoint = getattr(view, "limit_endpoint", "api")
        subjects_of = getattr(view, "limit_subjects", api_subjects)
        try:
            statuses = self.count(request, view, endpoint, subjects_of(request), units)
        except RateLimitExceeded as refusal:
            record_limit_statuses(request._request, refusal.statuses)
            raise
        record_limit_statuses(request._request, statuses)

    def count(
        self, request: Request, view: View, endpoint: str, subjects: Subjects, units: int
    ) -> list[LimitStatus]:
        """Count the request or raise; for subclasses that count more than rates."""
        return enforce(endpoint, subjects, units)


def api_subjects(request: Request) -> Subjects:
    """Return the keys to count: API key or user, organization and client address."""
    subjects: dict[str, Any] = {"address": client_address(request._request)}
    if not request.user.is_authenticated:
        return subjects
    key_id = getattr(request.auth, "api_key_id", None)
    subjects |= {"key": key_id} if key_id else {"user": request.user.pk}
    if membership := getattr(request, "membership", None):
        subjects["organization"] = membership.organization_id
    return subjects
