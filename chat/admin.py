"""Admin of widgets and conversations."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chat.models import Conversation, Widget
from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.customers.models import Customer


@admin.register(Widget)
class WidgetAdmin(ConsoleAdmin):
    menu = Menu(Section.WORK, "chat_bubble", rank=30)
    list_display = ["name", "organization", "site_key", "is_active", "bot_enabled", "created_at"]
    list_filter = ["is_active", "bot_enabled"]
    search_fields = ["name", "site_key", "organization__name"]
    autocomplete_fields = ["organization"]
    ordering = ["-id"]
    readonly_fields = ["site_key", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Widget]:
        return super().get_queryset(request).select_related("organization")


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """A conversation row is derived from its log, and only the services may change both.

    Message texts are not shown: an operator who has to read them impersonates a member, which is
    audited.
    """

    menu = Menu(Section.WORK, "forum", rank=20)

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
    search_fields = ["=id", "organization__name"]
    # Ids grow with time, and have an index over all organizations.
    ordering = ["-id"]
    fields = [
        "id",
        "organization",
        "customer",
        "widget",
        "channel",
        "status",
        "priority",
        "language_code",
        "assignee",
        "epoch",
        "last_seq",
        "inbound_total",
        "answered_inbound_total",
        "customer_seen_seq",
        "last_message_at",
        "waiting_since",
        "escalated_at",
        "snoozed_until",
        "closed_at",
        "is_over_quota",
        "created_at",
        "updated_at",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Search for an id or an organization, else for customers as the application does.

        For customers only where the operator may view them: their addresses are not shown here.
        """
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        user: Any = request.user
        if search_term and user.has_perm("customers.view_customer") and not found.exists():
            customers = Customer.objects.all().named_like(search_term)
            return queryset.filter(customer__in=customers.values("pk")), False
        return found, has_duplicates

    def get_list_display(self, request: HttpRequest) -> Any:
        return _without_names(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Conversation | None = None) -> Any:
        return _without_names(request, super().get_fields(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        conversations = super().get_queryset(request)
        return conversations.select_related("organization", "customer", "assignee", "widget")


def _without_names(request: HttpRequest, columns: Any) -> list[Any]:
    """Return the columns; whoever may not view customers sees their ids, as elsewhere."""
    user: Any = request.user
    if user.has_perm("customers.view_customer"):
        return list(columns)
    return ["customer_id" if each == "customer" else each for each in columns]
