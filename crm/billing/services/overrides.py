"""Services of operators' exceptions to plans."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from crm.billing.metrics import Feature, Metric
from crm.billing.models import FeatureOverride, Kind
from crm.billing.services.subscriptions import raise_versions, subscription_of
from crm.core.errors import Invalid
from crm.organizations.models import User


@transaction.atomic
def override_quota(
    *,
    organization_id: UUID,
    metric: Metric,
    limit: int | None,
    reason: str,
    expires_at: datetime | None = None,
    by: User | None = None,
) -> FeatureOverride:
    """Override the limit of a quota, None for unlimited; replaces an earlier override."""
    return _override(
        organization_id,
        Kind.QUOTA,
        metric.value,
        {"limit": limit},
        reason=reason,
        expires_at=expires_at,
        by=by,
    )


@transaction.atomic
def override_feature(
    *,
    organization_id: UUID,
    feature: Feature,
    is_enabled: bool,
    reason: str,
    expires_at: datetime | None = None,
    by: User | None = None,
) -> FeatureOverride:
    """Enable or disable a feature, replacing an earlier override."""
    return _override(
        organization_id,
        Kind.FEATURE,
        feature.value,
        {"is_enabled": is_enabled},
        reason=reason,
        expires_at=expires_at,
        by=by,
    )


@transaction.atomic
def end_override(*, override_id: UUID) -> None:
    """End an override, so that the plan applies again. Safe to repeat."""
    override = FeatureOverride.objects.select_for_update().get(pk=override_id)
    if override.ended_at is None:
        _end(override)


@transaction.atomic
def end_run_out() -> int:
    """End the expired overrides. Return their number."""
    over = FeatureOverride.objects.run_out(timezone.now()).select_for_update(skip_locked=True)
    count = 0
    for override in over[:500]:
        _end(override)
        count += 1
    return count


def _override(
    organization_id: UUID,
    kind: Kind,
    name: str,
    values: dict[str, int | bool | None],
    *,
    reason: str,
    expires_at: datetime | None,
    by: User | None,
) -> FeatureOverride:
    if not reason.strip():
        raise Invalid("Say why: an override without a reason is a riddle a year later.")
    subscription_of(organization_id)
    raise_versions({"organization_id": organization_id})
    before = FeatureOverride.objects.of(organization_id).filter(kind=kind, name=name, ended_at=None)
    for override in before.select_for_update():
        override.ended_at = timezone.now()
        override.save(update_fields=["ended_at"])
    return FeatureOverride.objects.create(
        organization_id=organization_id,
        kind=kind,
        name=name,
        reason=reason,
        expires_at=expires_at,
        created_by=by,
        **values,
    )


def _end(override: FeatureOverride) -> None:
    override.ended_at = timezone.now()
    override.save(update_fields=["ended_at"])
    raise_versions({"organization_id": override.organization_id})
