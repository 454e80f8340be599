"""The operator's view of the audit: every chain, the installation's own among them; read only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from config.console.menu import Menu, Section
from config.console.model_admin import ReadOnlyAdmin
from crm.compliance.models import AuditEntry, LegalHold


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "history", rank=10)
    list_display = ["at", "organization_id", "seq", "action", "actor_kind", "actor_id", "object_id"]
    list_filter = ["actor_kind"]
    search_fields = ["=organization_id", "=actor_id", "=object_id", "=action"]
    search_help_text = "An organization's, actor's or object's id, or an action, in full."
    ordering = ["-at"]
    fields = [
        "at",
        "organization_id",
        "seq",
        "action",
        "actor_kind",
        "actor_id",
        "object_type",
        "object_id",
        "details",
        "correlation_id",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("prev_hash", "hash")


@admin.register(LegalHold)
class LegalHoldAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "gavel", rank=30)
    search_fields = ["organization__name", "subject"]
    list_display = ["organization", "subject", "reason", "placed_at", "lifted_at"]
    list_select_related = ["organization"]
    ordering = ["-placed_at"]
