"""Entitlements of an organization: its plan with the operators' overrides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils import timezone

from crm.billing.metrics import METRIC_SPECS, Metric, MetricKind
from crm.billing.models import FeatureOverride, Kind, Subscription
from crm.billing.services.subscriptions import subscription_of
from crm.core import quotas


@dataclass(frozen=True, slots=True)
class Entitlements:
    """``limits`` has every metric, None if unlimited; ``stamp`` identifies the version."""

    subscription: Subscription
    limits: Mapping[str, int | None]
    features: frozenset[str]

    @property
    def stamp(self) -> str:
        return stamp_of(self.subscription.period_start, self.subscription.version)

    def refusal(self, metric: str, used: int) -> quotas.QuotaExceeded:
        """Return the error for a metric whose limit is reached."""
        spec = METRIC_SPECS[Metric(metric)]
        resets = None if spec.kind == MetricKind.LEVEL else self.subscription.period_end
        return quotas.exceeded(
            quota=metric,
            limit=self.limits[metric] or 0,
            used=used,
            resets_at=resets,
            plan=self.subscription.plan_key,
            message=str(spec.refusal),
        )


def stamp_of(period_start: datetime, version: int) -> str:
    return f"{period_start.isoformat()}/{version}"


def terms_of(organization_id: UUID) -> Entitlements:
    """Return the entitlements of an organization; one query if its subscription is current."""
    overrides = FeatureOverride.objects.in_force().filter(
        organization_id=OuterRef("organization_id")
    )
    entry = JSONObject(kind="kind", name="name", limit="limit", is_enabled="is_enabled")
    subscription = (
        Subscription.objects.of(organization_id)
        .select_related("plan", "next_plan")
        .annotate(overridden=ArraySubquery(overrides.values(entry=entry)))
        .first()
    )
    if subscription is None or subscription.period_end <= timezone.now():
        subscription_of(organization_id)
        return terms_of(organization_id)
    limits = {metric.value: subscription.plan.limit_of(metric) for metric in Metric}
    features = set(subscription.plan.features)
    for each in subscription.overridden:
        if each["kind"] == Kind.QUOTA:
            limits[each["name"]] = each["limit"]
        elif each["is_enabled"]:
            features.add(each["name"])
        else:
            features.discard(each["name"])
    return Entitlements(subscription, limits, frozenset(features))


def has_feature(organization_id: UUID, name: str) -> bool:
    """Return whether an organization's plan, or an override, includes a feature."""
    return name in terms_of(organization_id).features


def require_feature(name: str, *, organization_id: UUID) -> None:
    """Raise FeatureNotInPlan for a feature that the organization does not have."""
    terms = terms_of(organization_id)
    if name not in terms.features:
        raise quotas.FeatureNotInPlan(extra={"feature": name, "plan": terms.subscription.plan_id})
