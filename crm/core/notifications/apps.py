from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "crm.core.notifications"
    label = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core.notifications import receivers  # noqa: F401  models exist only from here on
