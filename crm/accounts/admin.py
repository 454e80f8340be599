"""The operator's view of people and organizations."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Ended, Membership, Organization, User
from crm.accounts.services.access import end_access
from crm.accounts.services.sessions import RECORD_KEY

PER_PAGE = 50


def staff_door(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Let operators in through the one log-in page, which counts attempts; there is no second."""
    if request.user.is_authenticated:
        raise PermissionDenied
    target = request.GET.get("next") or "/admin/"
    return redirect(f"{redirect('accounts:log_in').url}?{urlencode({'next': target})}")


# Django's documented way to have one door.
admin.site.login = staff_door  # type: ignore[method-assign]
admin.site.site_header = "NextFlow"
admin.site.site_title = "NextFlow"


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    max_num = 100
    autocomplete_fields = ["user", "organization"]
    fields = ["organization", "user", "role", "is_active"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ["email", "name", "is_active", "is_staff", "language_code", "created_at"]
    list_filter = ["is_active", "is_staff", "is_superuser", "language_code"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    list_per_page = PER_PAGE
    show_full_result_count = False
    readonly_fields = ["last_login", "created_at", "updated_at"]
    inlines = [MembershipInline]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        (_("Person"), {"fields": ["name", "phone", "language_code", "timezone"]}),
        (_("Access"), {"fields": ["is_active", "is_staff", "is_superuser"]}),
        (_("Times"), {"fields": ["last_login", "created_at", "updated_at"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "name", "password1", "password2"]})
    ]
    filter_horizontal = []

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            end_access(user_id=obj.pk, because=Ended.DEACTIVATED)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  Django names it so
        form_url: str = "",
    ) -> HttpResponse:
        """Set a password, and end what was opened with the one before."""
        user = self.get_object(request, id)
        before = user.password if user else ""
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if user is not None and User.objects.filter(pk=user.pk).exclude(password=before).exists():
            own = request.session.get(RECORD_KEY) if user.pk == request.user.pk else None
            end_access(user_id=user.pk, because=Ended.PASSWORD_CHANGED, spared_id=own)
        return response


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "is_active", "language_code", "created_at"]
    list_filter = ["is_active", "language_code"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    list_per_page = PER_PAGE
    show_full_result_count = False
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["created_at", "updated_at"]
    inlines = [MembershipInline]


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ["user", "organization", "role", "is_active", "created_at"]
    list_filter = ["role", "is_active"]
    search_fields = ["user__email", "user__name", "organization__name"]
    autocomplete_fields = ["user", "organization"]
    ordering = ["-created_at"]
    list_per_page = PER_PAGE
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "organization")
