"""Admin of plans and subscriptions."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminIntegerFieldWidget

from crm.billing.metrics import Feature, Metric
from crm.billing.models import FeatureOverride, Plan, Subscription, UsageRecord
from crm.billing.services.overrides import end_override, override_feature, override_quota
from crm.billing.services.subscriptions import assign_plan, raise_versions
from crm.core.admin.admin_actions import AdminAction, AdminActionForm
from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.forms import ModelForm
from crm.organizations.admin import OrganizationAdmin
from crm.organizations.models import Organization, User

LIMIT = "limit_"


def _limit_field(metric: Metric) -> forms.Field:
    return forms.IntegerField(
        label=metric.label,
        min_value=0,
        max_value=2**53,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("In bytes; empty means no limit.")
        if metric == Metric.STORED_BYTES
        else _("Empty means no limit."),
    )


LimitsForm = type(
    "LimitsForm", (ModelForm,), {LIMIT + metric: _limit_field(metric) for metric in Metric}
)


class PlanForm(LimitsForm):  # type: ignore[valid-type, misc]  # made of the metrics
    """A field for each limit; an empty one is unlimited."""

    features = forms.MultipleChoiceField(
        label=_("Features"),
        choices=Feature.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Plan
        fields = ["key", "position", "is_offered", "features"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for metric in Metric:
            self.fields[LIMIT + metric].initial = self.instance.limit_of(metric)

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  Django's own signature
        values = {metric.value: self.cleaned_data[LIMIT + metric] for metric in Metric}
        self.instance.limits = {name: limit for name, limit in values.items() if limit is not None}
        return super().save(commit)


@admin.register(Plan)
class PlanAdmin(ConsoleAdmin):
    menu = Menu(Section.BILLING, "sell", rank=10)
    form = PlanForm
    list_display = ["key", "position", "is_offered", "updated_at"]
    search_fields = ["key"]
    ordering = ["position", "key"]
    fields = [
        "key",
        "position",
        "is_offered",
        "features",
        *(LIMIT + metric for metric in Metric),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the key of an existing plan read-only: subscriptions and history refer to it."""
        return ["key"] if obj else []

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: FBT001  Django's own signature
        super().save_model(request, obj, form, change)
        raise_versions({"plan": obj})


class AssignForm(AdminActionForm):
    plan = forms.ModelChoiceField(label=_("Plan"), queryset=Plan.objects.order_by("position"))
    renews = forms.BooleanField(
        label=_("It renews by itself"),
        help_text=_("Off: at the period's end comes the grace period, then the free plan."),
        initial=True,
        required=False,
    )


def _assign(request: HttpRequest, row: Subscription, form: forms.Form) -> Promise | str:
    assign_plan(
        organization_id=row.organization_id,
        plan=form.cleaned_data["plan"].pk,
        by=str(request.user.pk),
        renews=form.cleaned_data["renews"],
    )
    return gettext("The plan holds from now on.")


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    menu = Menu(Section.BILLING, "card_membership", rank=20)
    list_display = ["organization", "plan", "status", "period_start", "period_end", "renews"]
    list_filter = ["plan", "status", "renews"]
    list_select_related = ["organization", "plan"]
    search_fields = ["organization__name", "organization__slug"]
    ordering = ["-id"]
    fields = [
        "organization",
        "plan",
        "status",
        "renews",
        "period_start",
        "period_end",
        "next_plan",
        "cancelled_at",
    ]
    admin_actions = [
        AdminAction(
            name="assign",
            title=_("Set the plan"),
            asks=_("The plan holds at once, also one that is not on offer."),
            consequences=(_("It stands in the history of the subscription and in their audit."),),
            run=_assign,
            form_class=AssignForm,
            icon="swap_horiz",
        )
    ]


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    menu = Menu(Section.BILLING, "receipt_long", rank=40)
    list_display = ["at", "organization", "metric", "amount", "key"]
    list_filter = ["metric"]
    list_select_related = ["organization"]
    search_fields = ["organization__slug", "=key"]
    ordering = ["-id"]
    fields = ["organization", "metric", "amount", "key", "period_start", "at"]


def _end(request: HttpRequest, row: FeatureOverride, form: forms.Form) -> Promise | str:
    end_override(override_id=row.pk)
    return gettext("The plan's own word counts again.")


@admin.register(FeatureOverride)
class FeatureOverrideAdmin(ReadOnlyAdmin):
    menu = Menu(Section.BILLING, "tune", rank=30)
    list_display = ["organization", "kind", "name", "limit", "is_enabled", "expires_at", "ended_at"]
    list_filter = ["kind", "name"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__slug", "name", "reason"]
    ordering = ["-id"]
    fields = [
        "organization",
        "kind",
        "name",
        "limit",
        "is_enabled",
        "reason",
        "created_by",
        "created_at",
        "expires_at",
        "ended_at",
    ]
    admin_actions = [
        AdminAction(
            name="end",
            title=_("End this override"),
            asks=_("The plan's own word counts again, at once."),
            run=_end,
            icon="undo",
            fits=lambda row: row.ended_at is None,
        )
    ]


class OverrideForm(AdminActionForm):
    reason = forms.CharField(label=_("Reason"), min_length=10, max_length=500)
    expires_at = forms.DateTimeField(
        label=_("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        required=False,
        help_text=_("Empty: until somebody ends it."),
    )

    def clean_expires_at(self) -> datetime | None:
        """Refuse a time that is over: the override would hold never, and end the one before it."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(_("Choose a time in the future."))
        return expires_at


class QuotaForm(OverrideForm):
    metric = forms.ChoiceField(label=_("Quota"), choices=Metric.choices)
    limit = forms.IntegerField(
        label=_("Limit"),
        min_value=0,
        max_value=2**53,
        required=False,
        help_text=_("Empty means no limit."),
    )
    field_order = ["metric", "limit", "reason", "expires_at"]


class FeatureForm(OverrideForm):
    feature = forms.ChoiceField(label=_("Feature"), choices=Feature.choices)
    is_enabled = forms.BooleanField(label=_("Included"), initial=True, required=False)
    field_order = ["feature", "is_enabled", "reason", "expires_at"]


def _override_quota(request: HttpRequest, row: Organization, form: forms.Form) -> Promise | str:
    values = form.cleaned_data
    override_quota(
        organization_id=row.pk,
        metric=Metric(values["metric"]),
        limit=values["limit"],
        reason=values["reason"],
        expires_at=values["expires_at"],
        by=_person(request),
    )
    return gettext("The limit holds from now on.")


def _override_feature(request: HttpRequest, row: Organization, form: forms.Form) -> Promise | str:
    values = form.cleaned_data
    override_feature(
        organization_id=row.pk,
        feature=Feature(values["feature"]),
        is_enabled=values["is_enabled"],
        reason=values["reason"],
        expires_at=values["expires_at"],
        by=_person(request),
    )
    return gettext("The feature is set from now on.")


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


OrganizationAdmin.admin_actions = [
    *OrganizationAdmin.admin_actions,
    AdminAction(
        name="override-quota",
        title=_("Set another limit"),
        asks=_("A limit of this organization's own, in place of its plan's."),
        consequences=(_("An override of the same quota before it is ended."),),
        run=_override_quota,
        form_class=QuotaForm,
        icon="tune",
        permission="billing.add_featureoverride",
    ),
    AdminAction(
        name="override-feature",
        title=_("Give or take a feature"),
        asks=_("Whatever its plan says of this feature."),
        consequences=(_("An override of the same feature before it is ended."),),
        run=_override_feature,
        form_class=FeatureForm,
        icon="extension",
        permission="billing.add_featureoverride",
    ),
]
