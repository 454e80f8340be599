from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "crm.core.mail"
    label = "mail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core.mail import receivers  # noqa: F401  models exist only from here on
