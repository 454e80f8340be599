"""Settings page of plan and usage."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.billing.emails import amount_words
from crm.billing.errors import PlanNotFound
from crm.billing.metrics import Feature, Metric
from crm.billing.models import Plan, Subscription, SubscriptionEvent, SubscriptionStatus
from crm.billing.plans import FREE
from crm.billing.services.subscriptions import (
    cancel_subscription,
    change_plan,
    over_limits,
    resume_subscription,
    subscription_of,
)
from crm.billing.services.usage_report import days_of, report_of
from crm.core.errors import AppError
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.organizations.access import membership_of
from crm.organizations.models import Membership

PAGE = {"active_section": "settings", "active_page": "plan_and_usage"}
EVENTS_SHOWN = 10


@never_cache
@member_required
@require_safe
def plan_and_usage(request: HttpRequest) -> HttpResponse:
    """Render the plan, its usage and the other plans; ``?quota=`` selects the daily history."""
    membership = membership_of(request)
    require(membership, Module.BILLING)
    report = report_of(membership.organization_id)
    subscription = report.terms.subscription
    wanted = request.GET.get("quota", "")
    metric = Metric(wanted) if wanted in Metric.values else Metric.CONVERSATIONS
    plans = list(Plan.objects.shown_to(subscription.plan_key))
    context: dict[str, Any] = {
        **PAGE,
        "subscription": subscription,
        "lines": [
            {
                "summary": summary,
                "used": amount_words(summary.metric, summary.used),
                "limit": _limit_words(summary.metric, summary.limit),
                "shown": min(summary.used, summary.limit or 0),
                "expected": expected and amount_words(summary.metric, expected.expected),
                "full_at": expected and expected.full_at,
                "is_over": bool(
                    expected and summary.limit is not None and expected.expected > summary.limit
                ),
            }
            for summary, expected in report.lines
        ],
        "metrics": Metric.choices,
        "metric": metric,
        "days": _days(membership, metric),
        "plans": [_plan_context(plan, subscription) for plan in plans],
        "may_change": membership.may(Module.BILLING, WRITE),
        "may_cancel": _may_cancel(subscription),
        "events": SubscriptionEvent.objects.filter(
            organization_id=membership.organization_id
        ).order_by("-at", "-id")[:EVENTS_SHOWN],
    }
    return render(request, "billing/plan_and_usage.html", context)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, plan: str) -> HttpResponse:
    """Ask for confirmation, then change the plan."""
    membership = _owner(request)
    wanted = Plan.objects.filter(pk=plan).first()
    if wanted is None:
        raise PlanNotFound
    subscription = subscription_of(membership.organization_id)
    if request.method == "POST":
        return _done(request, lambda: change_plan(by=membership, plan=plan))
    is_more = wanted.position >= subscription.plan.position
    context = {
        **PAGE,
        "subscription": subscription,
        "plan": _plan_context(wanted, subscription),
        "is_more": is_more,
        "over": [
            {
                "label": Metric(name).label,
                "used": amount_words(name, each["used"]),
                "limit": amount_words(name, each["limit"]),
            }
            for name, each in over_limits(membership.organization_id, wanted).items()
        ],
    }
    return render(request, "billing/change.html", context)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """Ask for confirmation, then cancel the plan."""
    membership = _owner(request)
    if request.method == "POST":
        return _done(request, lambda: cancel_subscription(by=membership))
    free = Plan.objects.get(pk=FREE)
    context = {
        **PAGE,
        "subscription": subscription_of(membership.organization_id),
        "over": [
            {
                "label": Metric(name).label,
                "used": amount_words(name, each["used"]),
                "limit": amount_words(name, each["limit"]),
            }
            for name, each in over_limits(membership.organization_id, free).items()
        ],
    }
    return render(request, "billing/cancel.html", context)


@member_required
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    membership = _owner(request)
    return _done(request, lambda: resume_subscription(by=membership))


def _owner(request: HttpRequest) -> Membership:
    membership = membership_of(request)
    require(membership, Module.BILLING, WRITE)
    return membership


def _done(request: HttpRequest, act: Any) -> HttpResponse:
    try:
        act()
    except AppError as refusal:
        if refusal.status not in {403, 409}:
            raise
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Saved."))
    return redirect("billing:plan_and_usage")


def _may_cancel(subscription: Subscription) -> bool:
    is_paid = subscription.plan_id not in {FREE, "guest"}
    return (
        is_paid
        and subscription.status != SubscriptionStatus.GRACE
        and not subscription.cancelled_at
    )


def _limit_words(metric: Metric, limit: int | None) -> str:
    return "" if limit is None else amount_words(metric, limit)


def _plan_context(plan: Plan, subscription: Subscription) -> dict[str, Any]:
    """Return the data of a plan in comparison with the current one."""
    is_current = plan.pk == subscription.plan_id
    is_settled = subscription.status == SubscriptionStatus.ACTIVE
    return {
        "key": plan.key,
        "name": plan.name,
        "is_current": is_current,
        "is_next": plan.pk == subscription.next_plan_id,
        "is_more": plan.position > subscription.plan.position,
        "is_choosable": plan.is_offered
        and plan.pk != subscription.next_plan_id
        and not (is_current and is_settled)
        and (is_settled or plan.position >= subscription.plan.position),
        "is_offered": plan.is_offered,
        "limits": [
            {"label": metric.label, "limit": _limit_words(metric, plan.limit_of(metric))}
            for metric in Metric
        ],
        "features": [
            {"label": feature.label, "is_included": feature.value in plan.features}
            for feature in Feature
        ],
    }


def _days(membership: Membership, metric: Metric) -> list[dict[str, Any]]:
    days = days_of(membership.organization_id, metric, membership.organization.timezone)
    most = max((amount or 0 for _day, amount in days), default=0)
    return [
        {
            "day": day,
            "amount": amount,
            "words": "" if amount is None else amount_words(metric, amount),
            "most": max(most, 1),
        }
        for day, amount in reversed(days)
        if amount is not None
    ]
