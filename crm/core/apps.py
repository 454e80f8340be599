"""The core: what every app stands on. It imports no other app of ours."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "crm.core"
    label = "core"
    verbose_name = "NextFlow"
