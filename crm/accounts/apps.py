from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "crm.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.accounts import receivers  # noqa: F401  models exist only from here on
        from crm.accounts.api import schema  # noqa: F401  the API's description finds it by then
        from crm.accounts.form_guard.idempotency import once_for_operators
        from crm.accounts.services.seats import taken_seats
        from crm.core import quotas
        from crm.core.admin.site import add_guard

        add_guard(once_for_operators)
        quotas.register_gauge("members", "accounts", taken_seats)
