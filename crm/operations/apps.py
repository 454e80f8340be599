from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Running the installation: engines, health, metrics."""

    name = "crm.operations"
    label = "operations"

    def ready(self) -> None:
        from crm.operations import instrumentation

        instrumentation.install()
