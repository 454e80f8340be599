from django.apps import AppConfig


class DealsConfig(AppConfig):
    name = "crm.deals"
    label = "deals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import records
        from crm.deals import receivers as _receivers  # noqa: F401  connects them
        from crm.deals.record import DEALS

        records.register(DEALS)
