"""Rate limiting of the API, as a throttle of DRF."""

from typing import Any

from django.views import View
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from crm.core.ratelimit.headers import note_standings
from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import LimitStatus, RateLimitExceeded, Subjects, enforce


class ApiThrottle(BaseThrottle):
    """Count a request against its authenticated caller or address.

    A view with other limits sets ``limit_endpoint``; a view that counts another subject has a
    method ``limit_subjects(request)``.
    """

    def allow_request(self, request: Request, view: View) -> bool:
        endpoint = getattr(view, "limit_endpoint", "api")
        subjects_of = getattr(view, "limit_subjects", api_subjects)
        try:
            standings = self.count(request, view, endpoint, subjects_of(request))
        except RateLimitExceeded as refusal:
            note_standings(request._request, refusal.standings)
            raise
        note_standings(request._request, standings)
        return True

    def count(
        self, request: Request, view: View, endpoint: str, subjects: Subjects
    ) -> list[LimitStatus]:
        """Count the request or raise; for subclasses that count more than rates."""
        return enforce(endpoint, subjects)


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
