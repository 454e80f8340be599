"""The operator's view of customers."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from crm.customers.models import Customer


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    list_display = ["display_name", "email", "organization", "stage", "created_at"]
    list_filter = ["stage"]
    search_fields = ["name", "email"]
    autocomplete_fields = ["organization"]
    ordering = ["-created_at"]
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ["claimed", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return super().get_queryset(request).select_related("organization")
