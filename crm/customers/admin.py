"""Admin of customers and companies."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from crm.core.admin.model_admin import ConsoleAdmin, ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.customers.models import Company, Customer


@admin.register(Customer)
class CustomerAdmin(ConsoleAdmin):
    menu = Menu(Section.WORK, "contacts", rank=10)
    list_display = ["display_name", "email", "organization", "stage", "created_at"]
    list_filter = ["stage"]
    search_fields = ["=id"]
    # Ids grow with time, and have an index.
    ordering = ["-id"]
    telling = {"company": ("customers.view_company",)}
    readonly_fields = [
        "organization",
        "company",
        "external_id",
        "verified_at",
        "claimed",
        "created_at",
        "updated_at",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: members add customers, within the plan's limit."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        """Search as the application does, and by a full id."""
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term and not found.exists():
            return queryset.named_like(search_term), False  # type: ignore[attr-defined]
        return found, has_duplicates

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).select_related("organization")


@admin.register(Company)
class CompanyAdmin(ReadOnlyAdmin):
    menu = Menu(Section.WORK, "apartment", rank=20)
    list_display = ["name", "domain", "organization", "created_at"]
    list_select_related = ["organization"]
    search_fields = ["=id", "organization__name"]
    ordering = ["-id"]
    fields = [
        "organization",
        "name",
        "domain",
        "email",
        "phone",
        "tax_code",
        "address",
        "created_at",
        "updated_at",
    ]
