"""Plan limits for apps that do not depend on billing.

Apps below ``crm.billing`` call this module; billing, where it is installed, is the backend. Apps
above it may call billing directly.
"""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext_noop

from crm.core.errors import AppError


class QuotaExceeded(AppError):
    """``quota``, ``limit``, ``used``, ``resets_at`` (None: never automatically) and ``plan``.

    402, as is customary: waiting, as 429 would suggest, does not help.
    """

    code = "quota_exceeded"
    status = 402
    message = gettext_noop(
        "The plan of this organization allows no more of this. An owner can change the plan."
    )


class FeatureNotInPlan(AppError):
    """``feature`` and ``plan``."""

    code = "feature_not_in_plan"
    status = 402
    message = gettext_noop(
        "The plan of this organization does not include this. An owner can change the plan."
    )


class QuotaBackend(Protocol):
    """Interface of the backend that enforces plan limits."""

    def check_quota(self, metric: str, *, organization_id: UUID, amount: int) -> None: ...

    def require_feature(self, name: str, *, organization_id: UUID) -> None: ...

    def organization_created(self, *, organization_id: UUID) -> None: ...


# How much of something an organization has, counted from its rows.
Gauge = Callable[[UUID], int]

_backend: QuotaBackend | None = None
_gauges: dict[str, dict[str, Gauge]] = {}


def set_backend(backend: QuotaBackend) -> None:
    """Set the backend of the whole process."""
    global _backend
    _backend = backend


def register_gauge(metric: str, part: str, gauge: Gauge) -> None:
    """Register how a part of a metric is counted; the parts of several apps are added up."""
    _gauges.setdefault(metric, {})[part] = gauge


def measured(metric: str, organization_id: UUID) -> int:
    """Return the present count of a metric, in the current transaction."""
    return sum(gauge(organization_id) for gauge in _gauges.get(metric, {}).values())


def check_quota(metric: str, *, organization_id: UUID, amount: int = 1) -> None:
    """Raise QuotaExceeded where adding ``amount`` would exceed the plan's limit.

    Call it inside the transaction that adds, before adding: until that ends, others who add to the
    same metric of this organization wait, so that together they cannot exceed the limit.
    """
    if _backend is not None:
        _backend.check_quota(metric, organization_id=organization_id, amount=amount)


def require_feature(name: str, *, organization_id: UUID) -> None:
    """Raise FeatureNotInPlan where the plan does not include the feature."""
    if _backend is not None:
        _backend.require_feature(name, organization_id=organization_id)


def organization_created(*, organization_id: UUID) -> None:
    """Set up the billing of a new organization, in the transaction that creates it."""
    if _backend is not None:
        _backend.organization_created(organization_id=organization_id)


def exceeded(
    *, quota: str, limit: int, used: int, resets_at: Any, plan: str, message: str | None = None
) -> QuotaExceeded:
    """Return the QuotaExceeded with its members."""
    return QuotaExceeded(
        message,
        extra={
            "quota": quota,
            "limit": limit,
            "used": used,
            "resets_at": resets_at.isoformat() if resets_at else None,
            "plan": plan,
        },
    )
