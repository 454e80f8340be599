from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "crm.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.accounts import receivers  # noqa: F401  models exist only from here on
        from crm.accounts.api import schema  # noqa: F401  the API's description finds it by then
        from crm.accounts.services.seats import taken_seats
        from crm.core import quotas

        quotas.register_gauge("members", "accounts", taken_seats)
