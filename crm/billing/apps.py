from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "crm.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.billing import receivers  # noqa: F401  connecting is importing
        from crm.billing.quota_backend import PlanQuotaBackend
        from crm.core import quotas

        quotas.set_backend(PlanQuotaBackend())
        post_migrate.connect(_make_plans, sender=self, dispatch_uid="billing.make_plans")


def _make_plans(*, using: str, **kwargs: Any) -> None:
    """Create missing plans; existing ones keep the operators' changes."""
    from django.db import connections

    from crm.billing.models import Plan
    from crm.billing.plans import DEFAULTS

    # A migration of part of the apps leaves tables to a later one.
    if Plan._meta.db_table not in connections[using].introspection.table_names():
        return
    for each in DEFAULTS:
        Plan.objects.get_or_create(
            key=each.key,
            defaults={
                "position": each.position,
                "limits": dict(each.limits),
                "features": list(each.features),
                "is_offered": each.is_offered,
            },
        )
