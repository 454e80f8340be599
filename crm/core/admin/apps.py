"""Django's admin, with our site as the one that models are registered at."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "crm.core.admin.site.ConsoleSite"
