"""Plan and usage over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.billing.metrics import Feature, Metric
from crm.billing.models import Plan
from crm.billing.services.entitlements import Entitlements, terms_of
from crm.billing.services.subscriptions import (
    cancel_subscription,
    change_plan,
    resume_subscription,
)
from crm.billing.services.usage_report import report_of
from crm.core.api import Body, RecordQuery, example, record_response, refuses
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField
from crm.core.permissions import Module


class ForecastSerializer(serializers.Serializer[Any]):
    expected = serializers.IntegerField(help_text="Use at the period's end, if it goes on so.")
    full_at = MomentField(allow_null=True, help_text="When the limit is reached before that.")


class QuotaSerializer(serializers.Serializer[Any]):
    quota = serializers.ChoiceField(choices=Metric.choices)
    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="null: no limit.")
    resets_at = MomentField(
        allow_null=True, help_text="null for what there is at a moment, as members."
    )
    forecast = ForecastSerializer(
        allow_null=True, help_text="null where there is too little to tell from."
    )


class UsageSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField()
    period_start = MomentField()
    period_end = MomentField()
    quotas = QuotaSerializer(many=True)


class SubscriptionSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField()
    status = serializers.CharField(help_text="`trial`, `active` or `grace`.")
    period_start = MomentField()
    period_end = MomentField()
    next_plan = serializers.CharField(
        allow_null=True, help_text="What follows at the period's end; null: the same."
    )
    cancelled_at = MomentField(allow_null=True)
    renews = serializers.BooleanField()
    features = serializers.ListField(child=serializers.ChoiceField(choices=Feature.choices))
    limits = serializers.DictField(
        child=serializers.IntegerField(allow_null=True),
        help_text="By quota, with what an operator changed of the plan; null: no limit.",
    )


class PlanSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    is_offered = serializers.BooleanField(help_text="An owner may choose it.")
    limits = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    features = serializers.ListField(child=serializers.CharField())


class PlansSerializer(serializers.Serializer[Any]):
    plans = PlanSerializer(many=True)


class ChangeBody(Body):
    plan = serializers.CharField(max_length=20)


class BillingView(ModuleView):
    """Accepted also when no API calls are left, so that the plan can be upgraded."""

    area = Module.BILLING
    is_always_answered = True


@extend_schema(tags=["billing"])
class Usage(BillingView):
    @extend_schema(operation_id="usage_get", parameters=[RecordQuery], responses=UsageSerializer)
    def get(self, request: Request) -> Response:
        """Return the usage of each quota in this period."""
        report = report_of(self.principal.organization_id)
        subscription = report.terms.subscription
        quotas = [
            {
                "quota": summary.metric.value,
                "used": summary.used,
                "limit": summary.limit,
                "resets_at": None if summary.is_level else subscription.period_end,
                "forecast": expected
                and {"expected": expected.expected, "full_at": expected.full_at},
            }
            for summary, expected in report.lines
        ]
        members = {
            "plan": subscription.plan_id,
            "period_start": subscription.period_start,
            "period_end": subscription.period_end,
            "quotas": quotas,
        }
        return record_response(request, UsageSerializer(members).data)


@extend_schema(tags=["billing"])
class SubscriptionDetail(BillingView):
    @extend_schema(
        operation_id="subscription_get",
        parameters=[RecordQuery],
        responses=SubscriptionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the organization's subscription."""
        return record_response(request, _record(terms_of(self.principal.organization_id)))


@extend_schema(tags=["billing"])
class Plans(BillingView):
    @extend_schema(operation_id="plans_get", responses=PlansSerializer)
    def get(self, request: Request) -> Response:
        """Return the available plans, the smallest first, and the current one."""
        current = terms_of(self.principal.organization_id).subscription.plan_key
        plans = [
            {
                "key": plan.key,
                "name": plan.name,
                "is_offered": plan.is_offered,
                "limits": {metric.value: plan.limit_of(metric) for metric in Metric},
                "features": plan.features,
            }
            for plan in Plan.objects.shown_to(current)
        ]
        return Response(PlansSerializer({"plans": plans}).data)


@extend_schema(tags=["billing"])
class ChangePlan(BillingView):
    @extend_schema(
        operation_id="subscription_change",
        request=ChangeBody,
        responses=SubscriptionSerializer,
        examples=example({"plan": "pro"}),
    )
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Change the plan: an upgrade at once, a downgrade at the period's end."""
        change_plan(by=self.principal, plan=ChangeBody.read(request)["plan"])
        return Response(_record(terms_of(self.principal.organization_id)))


@extend_schema(tags=["billing"])
class CancelSubscription(BillingView):
    @extend_schema(
        operation_id="subscription_cancel", request=None, responses=SubscriptionSerializer
    )
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Cancel the plan at the end of its period; the free one follows."""
        cancel_subscription(by=self.principal)
        return Response(_record(terms_of(self.principal.organization_id)))


@extend_schema(tags=["billing"])
class ResumeSubscription(BillingView):
    @extend_schema(
        operation_id="subscription_resume", request=None, responses=SubscriptionSerializer
    )
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Undo a cancellation or a planned downgrade."""
        resume_subscription(by=self.principal)
        return Response(_record(terms_of(self.principal.organization_id)))


def _record(terms: Entitlements) -> dict[str, Any]:
    subscription = terms.subscription
    members = {
        "plan": subscription.plan_id,
        "status": subscription.status,
        "period_start": subscription.period_start,
        "period_end": subscription.period_end,
        "next_plan": subscription.next_plan_id,
        "cancelled_at": subscription.cancelled_at,
        "renews": subscription.renews,
        "features": sorted(terms.features),
        "limits": terms.limits,
    }
    return dict(SubscriptionSerializer(members).data)
