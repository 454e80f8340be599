from django.apps import AppConfig


class AuthenticationConfig(AppConfig):
    name = "crm.authentication"
    label = "authentication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.authentication import receivers  # noqa: F401  models exist only from here on
        from crm.authentication.api import schema  # noqa: F401  the API's description finds it by then
        from crm.authentication.principals import find_impersonated
        from crm.authentication.services import access, api_keys  # noqa: F401  what apps below ask for
        from crm.core.permissions import IMPERSONATED, register_lookup

        register_lookup(IMPERSONATED, find_impersonated)
