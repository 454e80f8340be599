"""Plans and what organizations have of them, for operators."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from crm.accounts.models import User
from crm.billing.models import FeatureOverride, Plan, Subscription, UsageRecord
from crm.billing.services.overriding import end_override
from crm.billing.services.subscriptions import assign_plan, raise_versions


class BoundedAdmin(admin.ModelAdmin):
    """Lists that never count a whole table, and look up what they show in one query."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER


@admin.register(Plan)
class PlanAdmin(BoundedAdmin):
    list_display = ["key", "position", "is_offered", "updated_at"]
    search_fields = ["key"]

    def save_model(self, request: HttpRequest, obj: Plan, form: ModelForm, change: bool) -> None:  # noqa: FBT001  Django's own signature
        super().save_model(request, obj, form, change)
        raise_versions({"plan": obj})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what falls back to the free plan has to find it."""
        return False


@admin.register(Subscription)
class SubscriptionAdmin(BoundedAdmin):
    list_display = ["organization", "plan", "status", "period_start", "period_end", "renews"]
    list_filter = ["plan", "status", "renews"]
    list_select_related = ["organization", "plan"]
    search_fields = ["organization__name", "organization__slug"]
    ordering = ["-id"]
    fields = ["organization", "plan", "renews", "status", "period_start", "period_end", "next_plan"]
    readonly_fields = ["organization", "status", "period_start", "period_end", "next_plan"]

    def save_model(
        self,
        request: HttpRequest,
        obj: Subscription,
        form: ModelForm,
        change: bool,  # noqa: FBT001  Django's own signature
    ) -> None:
        """Change it as everybody does: with its history, and known to every counter."""
        assign_plan(
            organization_id=obj.organization_id,
            plan=obj.plan_key,
            by=str(request.user.pk),
            renews=obj.renews,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: each organization has one, which begins by itself."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(UsageRecord)
class UsageRecordAdmin(BoundedAdmin):
    list_display = ["at", "organization", "metric", "amount", "key"]
    list_filter = ["metric"]
    list_select_related = ["organization"]
    search_fields = ["organization__slug", "=key"]
    ordering = ["-id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(FeatureOverride)
class FeatureOverrideAdmin(BoundedAdmin):
    list_display = ["organization", "kind", "name", "limit", "is_enabled", "expires_at", "ended_at"]
    list_filter = ["kind", "name"]
    list_select_related = ["organization"]
    search_fields = ["organization__name", "organization__slug", "name", "reason"]
    autocomplete_fields = ["organization"]
    ordering = ["-id"]
    actions = ["end"]

    def save_model(
        self,
        request: HttpRequest,
        obj: FeatureOverride,
        form: ModelForm,
        change: bool,  # noqa: FBT001  Django's own signature
    ) -> None:
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        raise_versions({"organization_id": obj.organization_id})

    @admin.action(description="End the chosen overrides")
    def end(self, request: HttpRequest, queryset: QuerySet[FeatureOverride]) -> None:
        for override in queryset:
            end_override(override_id=override.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: an override is ended, and stays to be read."""
        return False
