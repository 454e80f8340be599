"""Organizations on plans whose limits a test chooses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import TypeVar

from django.db import connection

from crm.billing.metrics import Metric
from crm.billing.models import Plan, Subscription, UsageRecord
from crm.billing.services.subscriptions import assign_plan, raise_versions
from crm.core.errors import AppError
from crm.organizations.models import Organization

T = TypeVar("T")


def allow(organization: Organization, **limits: int) -> Subscription:
    """Put an organization on a plan of its own with these limits, and no others."""
    plan, _created = Plan.objects.update_or_create(
        key=f"t{organization.pk.hex[-12:]}", defaults={"limits": limits, "position": 2}
    )
    assign_plan(organization_id=organization.pk, plan=plan.pk)
    raise_versions({"organization_id": organization.pk})
    return Subscription.objects.select_related("plan").get(organization=organization)


def used(organization: Organization, metric: Metric) -> int:
    """Sum what the ledger says."""
    rows = UsageRecord.objects.of(organization.pk).filter(metric=metric)
    return sum(rows.values_list("amount", flat=True))


def ends_at(organization: Organization, moment: datetime) -> None:
    """Let the present period end at another moment."""
    Subscription.objects.filter(organization=organization).update(period_end=moment)


def at_once(number: int, act: Callable[[int], T]) -> tuple[list[T], list[str]]:
    """Do something in so many threads at one moment; give answers, and codes of refusals."""
    start = Barrier(number)
    done: list[T] = []
    refused: list[str] = []

    def run(index: int) -> None:
        start.wait(timeout=60)
        try:
            done.append(act(index))
        except AppError as refusal:
            refused.append(refusal.code)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(run, index) for index in range(number)]:
            future.result(timeout=120)
    return done, refused
