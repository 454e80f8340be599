from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "crm.core.transfer"
    label = "transfer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core.transfer import exporting, import_jobs  # noqa: F401  kinds of jobs
