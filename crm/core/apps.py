"""The core app; it imports no other app of ours."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "crm.core"
    label = "core"
    verbose_name = "NextFlow"
