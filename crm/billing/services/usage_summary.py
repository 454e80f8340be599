"""The usage of an organization's quotas."""

from collections.abc import Iterable
from dataclasses import dataclass

from redis.exceptions import RedisError

from crm.billing import counters
from crm.billing.metrics import LEDGERED, METRIC_SPECS, Metric, MetricKind, MetricSpec
from crm.billing.models import UsageRecord
from crm.billing.services.entitlements import Entitlements
from crm.billing.services.metering import LEVELS
from crm.core import quotas


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """The usage of one quota; ``limit`` None is unlimited."""

    metric: Metric
    used: int
    limit: int | None

    @property
    def spec(self) -> MetricSpec:
        return METRIC_SPECS[self.metric]

    @property
    def is_level(self) -> bool:
        return self.spec.kind == MetricKind.LEVEL

    @property
    def percent(self) -> int | None:
        """Return the usage as a whole percentage, rounded down; None without a limit."""
        if self.limit is None:
            return None
        return self.used * 100 // self.limit if self.limit else 100

    @property
    def level(self) -> int:
        """Return the highest notification level that is reached; 0 for none."""
        if not self.limit:
            return 0
        return next((level for level in LEVELS if self.used * 100 >= self.limit * level), 0)


def usage_summaries_of(
    terms: Entitlements, metrics: Iterable[Metric] = tuple(Metric)
) -> list[UsageSummary]:
    """Return the usage of every metric: one query for the ledger, one for each part of a level."""
    subscription = terms.subscription
    organization_id = subscription.organization_id
    totals = UsageRecord.objects.totals(organization_id, subscription.period_start)
    summaries = []
    for metric in metrics:
        if METRIC_SPECS[metric].kind == MetricKind.LEVEL:
            used = quotas.measured(metric, organization_id)
        elif metric in LEDGERED:
            used = totals.get(metric, 0)
        else:
            used = max(totals.get(metric, 0), _ahead(terms, metric))
        summaries.append(UsageSummary(metric, used, terms.limits[metric]))
    return summaries


def _ahead(terms: Entitlements, metric: Metric) -> int:
    """Return the count in Redis, which may be ahead of the ledger; 0 if unavailable."""
    organization_id = terms.subscription.organization_id
    try:
        found = counters.read(organization_id, metric)
    except RedisError:
        return 0
    if found is None or found[0] != terms.subscription.period_start.isoformat():
        return 0
    return found[1]
