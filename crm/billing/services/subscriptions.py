"""Services of subscriptions: start, change, cancel, resume, renew."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from crm.billing import banner, counters
from crm.billing.errors import (
    NothingToCancel,
    NothingToResume,
    PlanNotFound,
    PlanNotOffered,
    SamePlan,
    UseOverLimits,
)
from crm.billing.metrics import GAUGES, Metric
from crm.billing.models import EventType, Plan, Subscription, SubscriptionEvent, SubscriptionStatus
from crm.billing.periods import month_later
from crm.billing.plans import FREE
from crm.core import quotas
from crm.core.permissions import WRITE, Module, Principal, require

_FIELDS = (
    "plan",
    "status",
    "period_start",
    "period_end",
    "anchor_day",
    "next_plan",
    "cancelled_at",
    "renews",
    "version",
    "updated_at",
)
# A database that was asleep for years is brought up to date in jumps of one month each.
_MAX_STEPS = 1200


def subscription_of(organization_id: UUID) -> Subscription:
    """Return the current subscription: created where there is none, renewed where it is due."""
    found = _read(organization_id)
    if found is None:
        start_subscription(organization_id=organization_id, plan=settings.BILLING_DEFAULT_PLAN)
        found = _read(organization_id)
        assert found is not None  # noqa: S101  it was stored one line above
    if found.period_end <= timezone.now():
        found = roll(organization_id=organization_id)
    return found


@transaction.atomic
def start_subscription(
    *, organization_id: UUID, plan: str, trial_days: int = 0, by: str = ""
) -> Subscription:
    """Create an organization's subscription, as a trial if ``trial_days``; keep an existing one."""
    now = timezone.now()
    end = now + timedelta(days=trial_days) if trial_days else month_later(now, now.day)
    subscription, is_new = Subscription.objects.get_or_create(
        organization_id=organization_id,
        defaults={
            "plan_id": plan,
            "status": SubscriptionStatus.TRIAL if trial_days else SubscriptionStatus.ACTIVE,
            "period_start": now,
            "period_end": end,
            "anchor_day": now.day,
        },
    )
    if is_new:
        kind = EventType.TRIAL_STARTED if trial_days else EventType.STARTED
        _note(subscription, kind, before="", by=by)
    return subscription


def start_at_sign_up(*, organization_id: UUID) -> Subscription:
    """Create the subscription of a new organization, as a trial where the installation
    offers one.
    """
    days = settings.BILLING_TRIAL_DAYS
    plan = settings.BILLING_TRIAL_PLAN if days else FREE
    return start_subscription(organization_id=organization_id, plan=plan, trial_days=days)


@transaction.atomic
def change_plan(*, by: Principal, plan: str) -> Subscription:
    """Change to another plan on offer: an upgrade at once, a downgrade at the period's end.

    Raise PlanNotFound, PlanNotOffered, SamePlan or UseOverLimits.
    """
    require(by, Module.BILLING, WRITE)
    subscription = _locked(by.organization_id)
    wanted = Plan.objects.filter(pk=plan).first()
    if wanted is None:
        raise PlanNotFound
    if not wanted.is_offered:
        raise PlanNotOffered
    is_trying = subscription.status != SubscriptionStatus.ACTIVE
    if wanted.pk == subscription.plan_id and not is_trying:
        if subscription.next_plan_id:
            return _resumed(subscription, by)
        raise SamePlan
    if wanted.position >= subscription.plan.position:
        return _upgraded(subscription, wanted, by, is_new_period=is_trying)
    if is_trying and wanted.pk == FREE:
        # What comes after a trial by itself.
        raise SamePlan
    if wanted.pk == subscription.next_plan_id:
        raise SamePlan
    if over := over_limits(by.organization_id, wanted):
        raise UseOverLimits(extra={"quotas": over})
    subscription.next_plan = wanted
    subscription.cancelled_at = None
    _save(subscription)
    _note(
        subscription,
        EventType.DOWNGRADE_ASKED,
        before=subscription.plan_key,
        after=wanted.pk,
        by=by.actor_id,
    )
    return subscription


@transaction.atomic
def cancel_subscription(*, by: Principal) -> Subscription:
    """Cancel the plan at the end of its period; the free one follows. Raise NothingToCancel."""
    require(by, Module.BILLING, WRITE)
    subscription = _locked(by.organization_id)
    free = Plan.objects.get(pk=FREE)
    is_over = (
        subscription.cancelled_at is not None or subscription.status == SubscriptionStatus.GRACE
    )
    if is_over or subscription.plan.position <= free.position:
        raise NothingToCancel
    subscription.cancelled_at = timezone.now()
    subscription.next_plan = free
    _save(subscription)
    _note(
        subscription,
        EventType.CANCELLED,
        before=subscription.plan_key,
        after=FREE,
        by=by.actor_id,
    )
    return subscription


@transaction.atomic
def resume_subscription(*, by: Principal) -> Subscription:
    """Undo a cancellation or a planned downgrade. Raise NothingToResume."""
    require(by, Module.BILLING, WRITE)
    subscription = _locked(by.organization_id)
    if subscription.next_plan_id is None:
        raise NothingToResume
    return _resumed(subscription, by)


@transaction.atomic
def assign_plan(
    *,
    organization_id: UUID,
    plan: str,
    by: str = "",
    renews: bool = True,
    period_end: datetime | None = None,
) -> Subscription:
    """Set a plan at once, as operators do, on offer or not. Raise PlanNotFound."""
    subscription = _locked(organization_id)
    if not Plan.objects.filter(pk=plan).exists():
        raise PlanNotFound
    before, now = subscription.plan_key, timezone.now()
    if subscription.status != SubscriptionStatus.ACTIVE:
        _begin_period(subscription, now)
    if period_end is not None and period_end > now:
        subscription.period_end = period_end
    subscription.plan_id = plan
    subscription.status = SubscriptionStatus.ACTIVE
    subscription.next_plan, subscription.cancelled_at = None, None
    subscription.renews = renews
    _save(subscription)
    _note(subscription, EventType.ASSIGNED, before=before, by=by)
    return subscription


@transaction.atomic
def roll(*, organization_id: UUID, now: datetime | None = None) -> Subscription:
    """Apply all due period ends: renew, downgrade, expire. Safe to repeat."""
    subscription = _locked(organization_id, rolls=False)
    _roll(subscription, now or timezone.now())
    return subscription


def over_limits(organization_id: UUID, plan: Plan) -> dict[str, dict[str, int]]:
    """Return levels above a plan's limits: ``{"members": {"used": 5, "limit": 3}}``."""
    over = {}
    for metric in GAUGES:
        limit = plan.limit_of(metric)
        if limit is not None and (used := quotas.measured(metric, organization_id)) > limit:
            over[metric.value] = {"used": used, "limit": limit}
    return over


@transaction.atomic
def raise_versions(filters: Mapping[str, object]) -> None:
    """Increment the versions of these subscriptions, because their limits have changed."""
    for subscription in Subscription.objects.select_for_update().filter(**filters):
        _save(subscription)


def _roll(subscription: Subscription, now: datetime) -> None:
    for _step in range(_MAX_STEPS):
        if subscription.period_end > now:
            return
        _step_on(subscription)
    subscription.period_end = month_later(now, subscription.anchor_day)
    _save(subscription)


def _step_on(subscription: Subscription) -> None:
    """Apply the end of one period."""
    before, end = subscription.plan_key, subscription.period_end
    if subscription.status == SubscriptionStatus.GRACE:
        kind = _fall_to_free(subscription, EventType.EXPIRED)
    elif subscription.next_plan_id is not None:
        is_cancelled = subscription.cancelled_at is not None
        subscription.plan_id = subscription.next_plan_id
        kind = EventType.EXPIRED if is_cancelled else EventType.DOWNGRADED
        subscription.status, subscription.renews = SubscriptionStatus.ACTIVE, True
        subscription.next_plan, subscription.cancelled_at = None, None
    elif subscription.status == SubscriptionStatus.TRIAL or not subscription.renews:
        if settings.BILLING_GRACE_DAYS:
            subscription.status = SubscriptionStatus.GRACE
            subscription.period_start = end
            subscription.period_end = end + timedelta(days=settings.BILLING_GRACE_DAYS)
            _save(subscription)
            _note(subscription, EventType.GRACE_BEGAN, before=before, at=end)
            return
        kind = _fall_to_free(subscription, EventType.EXPIRED)
    else:
        kind = EventType.RENEWED
    if kind == EventType.RENEWED:
        subscription.period_start = end
        subscription.period_end = month_later(end, subscription.anchor_day)
    else:
        _begin_period(subscription, end)
    _save(subscription)
    _note(subscription, kind, before=before, at=end)


def _fall_to_free(subscription: Subscription, kind: EventType) -> EventType:
    subscription.plan_id = FREE
    subscription.status, subscription.renews = SubscriptionStatus.ACTIVE, True
    subscription.next_plan, subscription.cancelled_at = None, None
    return kind


def _upgraded(
    subscription: Subscription, wanted: Plan, by: Principal, *, is_new_period: bool
) -> Subscription:
    before = subscription.plan_key
    subscription.plan = wanted
    subscription.status, subscription.renews = SubscriptionStatus.ACTIVE, True
    subscription.next_plan, subscription.cancelled_at = None, None
    if is_new_period:
        _begin_period(subscription, timezone.now())
    _save(subscription)
    _note(subscription, EventType.UPGRADED, before=before, by=by.actor_id)
    return subscription


def _resumed(subscription: Subscription, by: Principal) -> Subscription:
    subscription.next_plan, subscription.cancelled_at = None, None
    _save(subscription)
    _note(subscription, EventType.RESUMED, before=subscription.plan_key, by=by.actor_id)
    return subscription


def _begin_period(subscription: Subscription, start: datetime) -> None:
    subscription.period_start = start
    subscription.anchor_day = start.day
    subscription.period_end = month_later(start, start.day)


def _read(organization_id: UUID) -> Subscription | None:
    return Subscription.objects.of(organization_id).select_related("plan", "next_plan").first()


def _locked(organization_id: UUID, *, rolls: bool = True) -> Subscription:
    if not Subscription.objects.of(organization_id).exists():
        start_subscription(organization_id=organization_id, plan=settings.BILLING_DEFAULT_PLAN)
    subscription = (
        Subscription.objects.of(organization_id)
        .select_for_update(of=("self",))
        .select_related("plan", "next_plan")
        .get()
    )
    if rolls:
        _roll(subscription, timezone.now())
    return subscription


def _save(subscription: Subscription) -> None:
    subscription.version += 1
    subscription.save(update_fields=_FIELDS)
    organization_id = subscription.organization_id
    # Counters of each use compare versions by themselves; this one is not asked for its own.
    transaction.on_commit(lambda: counters.close(organization_id, Metric.API_CALLS), robust=True)
    transaction.on_commit(lambda: banner.forget(organization_id), robust=True)


def _note(
    subscription: Subscription,
    kind: EventType,
    *,
    before: str,
    after: str = "",
    by: str = "",
    at: datetime | None = None,
) -> None:
    SubscriptionEvent.objects.create(
        organization_id=subscription.organization_id,
        kind=kind,
        plan_before=before,
        plan_after=after or subscription.plan_key,
        by=by,
        period_start=subscription.period_start,
        period_end=subscription.period_end,
        at=at or timezone.now(),
    )
