"""The operator's view of letters: whether they went out, never what they say."""

from django.contrib import admin
from django.http import HttpRequest

from crm.mail.models import Mail


@admin.register(Mail)
class MailAdmin(admin.ModelAdmin):
    list_display = ["kind", "to", "attempts", "created_at", "sent_at", "given_up_at"]
    list_filter = ["kind"]
    search_fields = ["to"]
    ordering = ["-created_at"]
    list_per_page = 50
    show_full_result_count = False
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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Mail | None = None) -> bool:
        return False
