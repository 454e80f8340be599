from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "NextFlow"

    def ready(self) -> None:
        from config import celery, checks  # noqa: F401  importing registers them, with settings ready
