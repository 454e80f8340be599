"""Admin of deals."""

from django.contrib import admin

from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.deals.models import Deal


@admin.register(Deal)
class DealAdmin(ReadOnlyAdmin):
    menu = Menu(Section.WORK, "handshake", rank=30)
    list_display = ["name", "amount", "currency", "status", "organization", "created_at"]
    list_filter = ["status"]
    list_select_related = ["organization"]
    search_fields = ["=id", "organization__name"]
    ordering = ["-id"]
    fields = [
        "organization",
        "name",
        "amount",
        "currency",
        "status",
        "expected_on",
        "stage_changed_at",
        "closed_at",
        "created_at",
        "updated_at",
    ]
