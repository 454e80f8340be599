"""The core app; it imports no other app of ours."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "crm.core"
    label = "core"
    verbose_name = "NextFlow"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import quotas, stored_text
        from crm.core.admin.site import add_guard  # models exist only from here on
        from crm.core.form_guard.idempotency import once_for_operators
        from crm.core.models import Note, SavedView, StoredText
        from crm.core.records import bulk_jobs  # noqa: F401  its kinds of jobs

        quotas.register_gauge(stored_text.METRIC, "core", StoredText.objects.bytes_of)
        stored_text.count_text(Note, "text")
        stored_text.count_text(SavedView, "name", "state")
        add_guard(once_for_operators)
