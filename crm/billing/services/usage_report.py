"""Usage reports for the page and the API."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from crm.billing.forecast import Forecast, forecast
from crm.billing.metrics import Metric
from crm.billing.models import UsageRecord, UsageSnapshot
from crm.billing.services.entitlements import Entitlements, terms_of
from crm.billing.services.usage_summary import UsageSummary, usage_summaries_of

DAYS = 30


@dataclass(frozen=True, slots=True)
class Report:
    """The state of each quota with its forecast; None where there is too little data."""

    terms: Entitlements
    lines: list[tuple[UsageSummary, Forecast | None]]


def report_of(organization_id: UUID) -> Report:
    terms = terms_of(organization_id)
    now = timezone.now()
    began = _levels_began(organization_id, now.date() - timedelta(days=DAYS))
    subscription = terms.subscription
    lines = []
    for summary in usage_summaries_of(terms):
        since, before = subscription.period_start, 0
        if summary.is_level:
            since, before = began.get(summary.metric, (now, 0))
        expected = forecast(
            used=summary.used,
            limit=summary.limit,
            since=since,
            until=subscription.period_end,
            now=now,
            before=before,
        )
        lines.append((summary, expected))
    return Report(terms, lines)


def days_of(organization_id: UUID, metric: Metric, zone: str) -> list[tuple[date, int | None]]:
    """Return the usage of each of the last days, today last; None for a level without a reading."""
    here = ZoneInfo(zone)
    today = timezone.now().astimezone(here).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    readings = UsageSnapshot.objects.filter(
        organization_id=organization_id, metric=metric, day__gte=days[0]
    )
    levels = dict(readings.values_list("day", "value"))
    if levels:
        return [(day, levels.get(day)) for day in days]
    since = datetime.combine(days[0], datetime.min.time(), tzinfo=here)
    sums = UsageRecord.objects.by_day(organization_id, [metric], since, here)
    return [(day, sums.get((metric.value, day), 0)) for day in days]


def _levels_began(organization_id: UUID, since: date) -> dict[str, tuple[datetime, int]]:
    """Return the first reading of each level since a day, and its time."""
    readings = (
        UsageSnapshot.objects.filter(organization_id=organization_id, day__gte=since)
        .order_by("metric", "day")
        .distinct("metric")
    )
    return {each.metric: (each.read_at, each.value) for each in readings}
