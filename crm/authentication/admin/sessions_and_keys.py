"""Admin of sessions, tokens and keys; no secret is ever shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from crm.authentication.models import ApiKey, ApiKeySecret, EndReason, TokenFamily, UserSession
from crm.authentication.services.api_keys import revoke_api_key
from crm.authentication.services.sessions import end_sessions
from crm.authentication.services.token_families import end_families
from crm.core.admin.admin_actions import AdminAction
from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.organizations.operators import operator_principal

_REVOKE = "authentication.change_{}"


def _end_session(request: HttpRequest, row: UserSession, form: forms.Form) -> str:
    end_sessions(user_id=row.user_id, because=EndReason.REVOKED, session_id=row.pk)
    return gettext("The session has ended, and its sockets are closed.")


def _end_family(request: HttpRequest, row: TokenFamily, form: forms.Form) -> str:
    end_families(user_id=row.user_id, because=EndReason.REVOKED, family_id=row.pk)
    return gettext("The program is logged out.")


def _revoke_key(request: HttpRequest, row: ApiKey, form: forms.Form) -> str:
    revoke_api_key(by=operator_principal(request, row.organization_id), key_id=row.pk)
    return gettext("The key opens nothing any more.")


class LiveFilter(admin.SimpleListFilter):
    """Filter by validity, as far as recorded."""

    title = _("state")
    parameter_name = "state"
    field = "ended_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", _("Counts")), ("over", _("Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"live", "over"}:
            return queryset.filter(**{f"{self.field}__isnull": self.value() == "live"})
        return queryset


class RevokedFilter(LiveFilter):
    field = "revoked_at"


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "devices", rank=10)
    list_display = ["user", "organization", "device", "address", "last_used_at", "ended_at"]
    list_filter = [LiveFilter, "ended_because"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__search_text", "=address", "=id"]
    ordering = ["-id"]
    fields = [
        "id",
        "user",
        "organization",
        "device",
        "address",
        "created_at",
        "last_used_at",
        "ended_at",
        "ended_because",
    ]
    admin_actions = [
        AdminAction(
            name="revoke",
            title=_("End this session"),
            asks=_("They are logged out there at once."),
            run=_end_session,
            icon="logout",
            is_grave=True,
            permission=_REVOKE.format("usersession"),
            fits=lambda row: row.ended_at is None,
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserSession]:
        found: QuerySet[UserSession] = super().get_queryset(request)
        return found.defer("key")


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "terminal", rank=20)
    list_display = ["user", "organization", "device", "address", "last_used_at", "ended_at"]
    list_filter = [LiveFilter, "ended_because"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__search_text", "organization__name", "=address", "=id"]
    ordering = ["-id"]
    fields = [
        "id",
        "user",
        "organization",
        "device",
        "address",
        "created_at",
        "last_used_at",
        "expires_at",
        "ended_at",
        "ended_because",
    ]
    admin_actions = [
        AdminAction(
            name="revoke",
            title=_("Log this program out"),
            asks=_("Its tokens are worth nothing at once."),
            run=_end_family,
            icon="logout",
            is_grave=True,
            permission=_REVOKE.format("tokenfamily"),
            fits=lambda row: row.ended_at is None,
        )
    ]


class SecretInline(TabularInline):
    model = ApiKeySecret
    hide_title = True
    extra = 0
    max_num = 0
    can_delete = False
    fields = ["prefix", "created_at", "last_used_at", "revoked_at"]
    readonly_fields = fields
    verbose_name_plural = _("secrets")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKeySecret]:
        found: QuerySet[ApiKeySecret] = super().get_queryset(request)
        return found.defer("secret_hash")

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    menu = Menu(Section.ACCESS, "key", rank=30)
    list_display = ["name", "organization", "scopes", "created_at", "expires_at", "revoked_at"]
    list_filter = [RevokedFilter]
    list_select_related = ["organization"]
    search_fields = ["name", "organization__name", "=secrets__prefix", "=id"]
    search_help_text = _("A name, an organization, or the eight characters after nf_live_.")
    ordering = ["-id"]
    fields = [
        "id",
        "organization",
        "name",
        "scopes",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
    ]
    inlines = [SecretInline]
    admin_actions = [
        AdminAction(
            name="revoke",
            title=_("Revoke"),
            asks=_("The key and all its secrets open nothing any more. This cannot be undone."),
            run=_revoke_key,
            icon="key_off",
            is_grave=True,
            permission=_REVOKE.format("apikey"),
            fits=lambda row: row.revoked_at is None,
        )
    ]
