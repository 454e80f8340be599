"""API calls of programs, counted with the rate limits of the API in one round trip."""

from uuid import UUID

from django.http import HttpRequest
from django.views import View
from redis.exceptions import RedisError
from rest_framework.request import Request

from crm.authentication.api.authentication import BearerAuthentication
from crm.billing import counters
from crm.billing.metrics import Metric
from crm.billing.services.api_calls import post_api_calls
from crm.billing.services.entitlements import terms_of
from crm.billing.services.metering import record_level
from crm.core.ratelimit.gcra import QuotaCharge
from crm.core.ratelimit.headers import record_limit_statuses
from crm.core.ratelimit.limiter import LimitStatus, Subjects, enforce_and_spend
from crm.core.ratelimit.throttle import ApiThrottle


class PlanThrottle(ApiThrottle):
    """Counts a request of a key or an access token as an API call of its organization too.

    A view with ``is_always_answered`` is not counted: it must work when the calls are used up.
    """

    def count(
        self, request: Request, view: View, endpoint: str, subjects: Subjects, units: int
    ) -> list[LimitStatus]:
        is_program = isinstance(request.successful_authenticator, BearerAuthentication)
        if not is_program or getattr(view, "is_always_answered", False):
            return super().count(request, view, endpoint, subjects, units)
        organization_id = request.membership.organization_id  # type: ignore[attr-defined]
        return count_api_call(
            request._request, endpoint, subjects, organization_id=organization_id, units=units
        )


def count_api_call(
    request: HttpRequest,
    endpoint: str,
    subjects: Subjects,
    *,
    organization_id: UUID,
    units: int = 1,
) -> list[LimitStatus]:
    """Count one call of a program against the rates of its endpoint and its organization's plan.

    A call that does the work of several is counted as so many ``units``. Every entry point for API
    keys and access tokens calls this, also those outside of Django's views. Without Redis, API
    calls are not counted. Raise RateLimitExceeded, or QuotaExceeded, for which the states of the
    rates are stored for the response's headers.
    """
    key = counters.key_of(organization_id, Metric.API_CALLS)
    statuses, spent = enforce_and_spend(endpoint, subjects, key, units)
    if spent is None:
        return statuses
    used, limit = spent.used, spent.limit
    is_refused = spent.spending == QuotaCharge.REFUSED
    if spent.spending == QuotaCharge.COLD:
        try:
            terms = post_api_calls(organization_id=organization_id)
            limit = terms.limits[Metric.API_CALLS]
            count = counters.take(
                organization_id,
                Metric.API_CALLS,
                stamp=terms.subscription.period_start.isoformat(),
                amount=units,
                refuses=True,
            )
        except RedisError:
            # It went away between the two.
            return statuses
        used, is_refused = count.used, count.answer == counters.CounterResult.REFUSED
    if is_refused:
        record_limit_statuses(request, statuses)
        raise terms_of(organization_id).refusal(Metric.API_CALLS, used)
    record_level(organization_id, Metric.API_CALLS, before=used - units, after=used, limit=limit)
    return statuses
