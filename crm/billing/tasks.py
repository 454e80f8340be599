"""Celery tasks of billing. Each is idempotent."""

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone
from redis.exceptions import RedisError

from crm.billing.models import Subscription
from crm.billing.services.alerts import notify_quota_levels
from crm.billing.services.api_calls import organizations_with_calls, post_api_calls
from crm.billing.services.overrides import end_run_out
from crm.billing.services.reconciliation import compare, organizations
from crm.billing.services.subscriptions import roll
from crm.core import tenancy
from crm.core.observability.shared_metrics import set_reconcile_differences

logger = logging.getLogger(__name__)

ROLLED_AT_ONCE = 1000


@shared_task(name="billing.notify_levels")
def notify_levels(organization_id: str) -> None:
    organization = UUID(organization_id)
    with tenancy.organization(organization):
        notify_quota_levels(organization_id=organization)


@shared_task(name="billing.roll_periods")
def roll_periods() -> None:
    """Apply due period ends, and end expired overrides."""
    with tenancy.all_tenants("Periods end in every organization."):
        end_run_out()
        due = Subscription.objects.due(timezone.now()).order_by("period_end")
        ids = list(due.values_list("organization_id", flat=True)[:ROLLED_AT_ONCE])
    for organization_id in ids:
        with tenancy.organization(organization_id):
            roll(organization_id=organization_id)


@shared_task(name="billing.post_api_calls")
def post_calls() -> None:
    for organization_id in organizations_with_calls():
        with tenancy.organization(organization_id):
            if Subscription.objects.of(organization_id).exists():
                post_api_calls(organization_id=organization_id)


@shared_task(name="billing.reconcile")
def reconcile() -> None:
    """Compare counters with the ledger, and send notices that a lost task left unsent."""
    with tenancy.all_tenants("The counters of every organization are compared."):
        ids = list(organizations())
    differences = 0
    for organization_id in ids:
        with tenancy.organization(organization_id):
            try:
                differences += len(compare(organization_id=organization_id, repair=True))
            except RedisError:
                logger.warning("Counters were not compared: Redis does not answer.")
                return
            notify_quota_levels(organization_id=organization_id)
    set_reconcile_differences({"usage_counter": differences})
