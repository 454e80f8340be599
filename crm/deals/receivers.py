"""What follows from what other apps do."""

from typing import Any
from uuid import UUID

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from crm.core import tenancy
from crm.deals.services import create_default_pipeline
from crm.deals.services.amounts import refresh_soon
from crm.organizations.models import ExchangeRate, Organization
from crm.organizations.signals import currency_changed


@receiver(post_save, sender=Organization, dispatch_uid="deals.default_pipeline")
def add_pipeline(*, instance: Organization, created: bool, raw: bool, **_: Any) -> None:
    """Add a first pipeline to a new organization."""
    if created and not raw:
        with tenancy.organization(instance.pk):
            create_default_pipeline(
                organization_id=instance.pk, language_code=instance.language_code
            )


@receiver([post_save, post_delete], sender=ExchangeRate, dispatch_uid="deals.amounts_by_rate")
def follow_rate(*, instance: ExchangeRate, raw: bool = False, **_: Any) -> None:
    """Refresh what open deals are worth; not where an organization is deleted with its rates."""
    if not raw and Organization.objects.filter(pk=instance.organization_id).exists():
        refresh_soon(instance.organization_id)


@receiver(currency_changed, dispatch_uid="deals.amounts_by_currency")
def follow_currency(*, organization_id: UUID, **_: Any) -> None:
    """Refresh what all deals are worth, in another currency from now on."""
    refresh_soon(organization_id, closed_too=True)
