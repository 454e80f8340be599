"""Querysets of subscriptions and usage, and the statement that counts a use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

from django.db import connection, models
from django.db.models import Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from crm.core.database.locks import lock_until_commit
from crm.core.ids import uuid7

if TYPE_CHECKING:
    from crm.billing.models import FeatureOverride, Plan, Subscription, UsageRecord

# Those who count share the lock of their metric until they commit; whoever compares the counter
# with the ledger, or counts without Redis, holds it alone. The period comes from the subscription
# in the same statement.
_ADD = """
WITH held AS MATERIALIZED (SELECT {lock}(hashtextextended(%(lock)s, 0)))
INSERT INTO "billing_usagerecord"
  (id, organization_id, metric, key, amount, period_start, at)
SELECT %(id)s, s.organization_id, %(metric)s, %(key)s, %(amount)s, s.period_start, now()
FROM held, "billing_subscription" s
WHERE s.organization_id = %(organization)s AND s.period_end > now()
ON CONFLICT (organization_id, metric, key) DO NOTHING
RETURNING period_start, (SELECT version FROM "billing_subscription"
                         WHERE organization_id = %(organization)s)
"""


@dataclass(frozen=True, slots=True)
class Added:
    """A use that was new to the ledger, and the terms that apply to it."""

    period_start: datetime
    version: int


class PlanQuerySet(models.QuerySet["Plan"]):
    def in_order(self) -> Self:
        return self.order_by("position", "key")

    def shown_to(self, current: str) -> Self:
        """Return the plans to compare: those on offer, and the organization's current one."""
        return self.filter(Q(is_offered=True) | Q(key=current) | Q(key="enterprise")).in_order()


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def due(self, now: datetime) -> Self:
        """Return the subscriptions whose period, trial or grace period is over."""
        return self.filter(period_end__lte=now)


class OverrideQuerySet(models.QuerySet["FeatureOverride"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def in_force(self, now: datetime | None = None) -> Self:
        now = now or timezone.now()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), ended_at=None)

    def run_out(self, now: datetime) -> Self:
        return self.filter(expires_at__lte=now, ended_at=None)


class UsageQuerySet(models.QuerySet["UsageRecord"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def add(
        self, *, organization_id: UUID, metric: str, key: str, amount: int, alone: bool
    ) -> Added | None:
        """Insert a use once; return None if it exists already or the period has to be renewed.

        Holds the lock of the metric until the transaction ends, exclusive with ``alone``, else
        shared.
        """
        statement = _ADD.format(
            lock="pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                statement,
                {
                    "lock": lock_name(organization_id, metric),
                    "id": uuid7(),
                    "organization": organization_id,
                    "metric": metric,
                    "key": key,
                    "amount": amount,
                },
            )
            row = cursor.fetchone()
        return Added(*row) if row else None

    def total(self, organization_id: UUID, metric: str, period_start: datetime) -> int:
        found = self.of(organization_id).filter(metric=metric, period_start=period_start)
        return int(found.aggregate(total=Sum("amount"))["total"] or 0)

    def totals(self, organization_id: UUID, period_start: datetime) -> dict[str, int]:
        """Return the sums of a period's ledger by metric."""
        found = self.of(organization_id).filter(period_start=period_start).values("metric")
        return {
            str(row["metric"]): int(row["total"])
            for row in found.annotate(total=Sum("amount")).order_by()
        }

    def by_day(
        self, organization_id: UUID, metrics: Iterable[str], since: datetime, zone: Any
    ) -> dict[tuple[str, Any], int]:
        """Return the sums by (metric, day) since a moment; days are those of the time zone."""
        found = self.of(organization_id).filter(metric__in=list(metrics), at__gte=since)
        rows = (
            found.annotate(day=TruncDate("at", tzinfo=zone))
            .values("metric", "day")
            .annotate(total=Sum("amount"))
            .order_by()
        )
        return {
            (str(row["metric"]), row["day"]): int(row["total"])
            for row in cast(Iterable[dict[str, Any]], rows)
        }


def lock_name(organization_id: UUID, metric: str) -> str:
    return f"nextflow.quota.{organization_id}.{metric}"


def hold_alone(organization_id: UUID, metric: str) -> None:
    """Take the exclusive lock of a metric's counting until the transaction ends."""
    lock_until_commit(lock_name(organization_id, metric))
