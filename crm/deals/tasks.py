"""Celery tasks of deals. Each is idempotent."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from crm.core import tenancy
from crm.deals.services.amounts import refresh_all
from crm.organizations.models import ExchangeRate

# In any time zone, a rate that is valid from a day on was applied when that day is over.
_FOLLOWED = timedelta(days=2)


@shared_task(name="deals.refresh_amounts")
def refresh_amounts(*, organization_id: str, closed_too: bool) -> None:
    """Refresh what many deals of an organization are worth, after a rate was changed."""
    with tenancy.organization(UUID(organization_id)):
        refresh_all(UUID(organization_id), closed_too=closed_too)


@shared_task(name="deals.follow_rates")
def follow_rates() -> None:
    """Refresh what deals are worth where a rate became valid, or was changed, these days."""
    since = timezone.now() - _FOLLOWED
    with tenancy.all_tenants("Rates of every organization become valid with the day."):
        new = ExchangeRate.objects.filter(
            Q(valid_from__gte=since.date(), valid_from__lte=timezone.now().date() + _FOLLOWED)
            | Q(updated_at__gte=since)
        )
        ids = list(new.order_by().values_list("organization_id", flat=True).distinct())
    for organization_id in ids:
        with tenancy.organization(organization_id):
            refresh_all(organization_id, closed_too=False)
