"""What an organization's plan allows: asked by apps that know nothing of plans.

Apps below ``crm.billing`` ask here; billing, where it is installed, is the keeper that answers.
Apps above it may call billing itself.
"""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext_noop

from crm.core.errors import AppError


class QuotaExceeded(AppError):
    """``quota``, ``limit``, ``used``, ``resets_at`` (None: never by itself) and ``plan``.

    402 as peers answer it: waiting some seconds, as 429 would ask for, does not help.
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


class Keeper(Protocol):
    """Who knows the plans."""

    def require_room(self, metric: str, *, organization_id: UUID, amount: int) -> None: ...

    def require_feature(self, name: str, *, organization_id: UUID) -> None: ...

    def organization_founded(self, *, organization_id: UUID) -> None: ...


# How much of something an organization has, counted from its rows.
Gauge = Callable[[UUID], int]

_keeper: Keeper | None = None
_gauges: dict[str, dict[str, Gauge]] = {}


def appoint(keeper: Keeper) -> None:
    """Let this one answer from now on, in the whole process."""
    global _keeper
    _keeper = keeper


def register_gauge(metric: str, part: str, gauge: Gauge) -> None:
    """Say how a part of a metric is counted; the parts of several apps are added up."""
    _gauges.setdefault(metric, {})[part] = gauge


def measured(metric: str, organization_id: UUID) -> int:
    """Count what there is of a metric, in the present transaction."""
    return sum(gauge(organization_id) for gauge in _gauges.get(metric, {}).values())


def require_room(metric: str, *, organization_id: UUID, amount: int = 1) -> None:
    """Refuse to add where that would pass the plan's limit. Raises QuotaExceeded.

    To be called in the transaction that adds, before it adds: until it ends, others who add to the
    same metric of this organization wait, so that together they cannot pass the limit.
    """
    if _keeper is not None:
        _keeper.require_room(metric, organization_id=organization_id, amount=amount)


def require_feature(name: str, *, organization_id: UUID) -> None:
    """Refuse what the plan does not include. Raises FeatureNotInPlan."""
    if _keeper is not None:
        _keeper.require_feature(name, organization_id=organization_id)


def organization_founded(*, organization_id: UUID) -> None:
    """Give a newly signed-up organization what it begins with, in its own transaction."""
    if _keeper is not None:
        _keeper.organization_founded(organization_id=organization_id)


def exceeded(
    *, quota: str, limit: int, used: int, resets_at: Any, plan: str, message: str | None = None
) -> QuotaExceeded:
    """Word a refusal with its members."""
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
