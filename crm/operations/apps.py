from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """Operation of the installation: engines, health, metrics."""

    name = "crm.operations"
    label = "operations"

    def ready(self) -> None:
        from crm.operations import (
            instrumentation,
            receivers,  # noqa: F401  connecting is importing, once apps are loaded
        )
        from crm.operations.overview import active_organizations, active_people
        from crm.operations.stats import Stat, register

        instrumentation.install()
        register(
            Stat(
                label=_("organizations that are switched on"),
                icon="apartment",
                count=active_organizations,
            )
        )
        register(
            Stat(
                label=_("people who may log in"),
                icon="group",
                count=active_people,
            )
        )
