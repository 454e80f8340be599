"""Admin of outgoing emails: their delivery state, never their text."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.core.mail.models import Mail


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("Waiting")), ("sent", _("Sent")), ("given_up", _("Given up"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mail]) -> QuerySet[Mail]:
        match self.value():
            case "waiting":
                return queryset.filter(sent_at__isnull=True, given_up_at__isnull=True)
            case "sent":
                return queryset.filter(sent_at__isnull=False)
            case "given_up":
                return queryset.filter(given_up_at__isnull=False)
        return queryset


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    menu = Menu(Section.MACHINERY, "outgoing_mail", rank=10)
    list_display = ["kind", "to", "attempts", "created_at", "sent_at", "given_up_at"]
    list_filter = [StateFilter]
    search_fields = ["to", "=kind"]
    ordering = ["-id"]
    # It says who wrote, and what; it is erased with the text.
    telling = {"subject": ("customers.view_customer", "chat.view_conversation")}
    fields = [
        "kind",
        "to",
        "language_code",
        "subject",
        "attempts",
        "created_at",
        "due_at",
        "sent_at",
        "given_up_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        found: QuerySet[Mail] = super().get_queryset(request)
        return found.defer("text", "html")
