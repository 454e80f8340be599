"""The operator's view of widgets and conversations."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chat.models import Conversation, Widget


@admin.register(Widget)
class WidgetAdmin(admin.ModelAdmin):
    list_display = ["name", "organization", "site_key", "is_active", "bot_enabled", "created_at"]
    list_filter = ["is_active", "bot_enabled"]
    search_fields = ["name", "site_key", "organization__name"]
    autocomplete_fields = ["organization"]
    ordering = ["-created_at"]
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ["site_key", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Widget]:
        return super().get_queryset(request).select_related("organization")


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):
    """Read-only: a head follows its log, and only the services may change both."""

    list_display = [
        "id",
        "organization",
        "customer",
        "status",
        "assignee",
        "last_seq",
        "last_message_at",
    ]
    list_filter = ["status", "channel", "priority"]
    search_fields = ["id", "organization__name", "customer__name", "customer__email"]
    ordering = ["-last_message_at"]
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        heads = super().get_queryset(request)
        return heads.select_related("organization", "customer", "assignee", "widget")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False
