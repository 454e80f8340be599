"""The operator's view of the audit: every chain, the installation's own among them; read only."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from crm.compliance.models import AuditEntry, LegalHold


class CautiousPaginator(Paginator):
    """Counts no further than people turn pages: to count millions of entries takes seconds."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        entries: Any = self.object_list
        return int(entries.order_by()[: self.MOST].count())


class ReadOnlyAdmin(admin.ModelAdmin):
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "organization_id", "seq", "action", "actor_kind", "actor_id", "object_id"]
    list_filter = ["actor_kind"]
    search_fields = ["=organization_id", "=actor_id", "=object_id", "=action"]
    search_help_text = "An organization's, actor's or object's id, or an action, in full."
    ordering = ["-at"]
    paginator = CautiousPaginator
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
    list_display = ["organization", "subject", "reason", "placed_at", "lifted_at", "lift_reason"]
    list_select_related = ["organization"]
    search_fields = ["=organization__id", "=subject", "reason"]
    ordering = ["-placed_at"]
