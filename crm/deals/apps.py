from django.apps import AppConfig


class DealsConfig(AppConfig):
    name = "crm.deals"
    label = "deals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import records
        from crm.deals import palette as _palette  # noqa: F401  registers its pages
        from crm.deals import panels as _panels  # noqa: F401  registers them
        from crm.deals import receivers as _receivers  # noqa: F401  connects them
        from crm.deals import timeline as _timeline  # noqa: F401  registers its source
        from crm.deals.record import DEALS, LOST_REASONS

        records.register(DEALS)
        records.register(LOST_REASONS)
