"""Celery tasks of knowledge. Each is idempotent."""

from uuid import UUID

from celery import shared_task

from crm.core import tenancy
from crm.core.errors import StoreUnavailable
from crm.core.recovery import register_sweep
from knowledge.services import index_faqs, purge_deleted
from knowledge.services.consistency import mark_missing
from knowledge.services.indexing import TASK_LIMIT, organizations_behind


@shared_task(
    name="knowledge.index_faqs",
    autoretry_for=(StoreUnavailable,),
    retry_backoff=True,
    max_retries=5,
)
def index_changed_faqs(organization_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        done = index_faqs(organization_id=UUID(organization_id), limit=TASK_LIMIT)
    if done == TASK_LIMIT:
        # The rest in another task: one that runs for minutes is one that a restart throws away.
        index_changed_faqs.delay(organization_id)


register_sweep(index_changed_faqs, organizations_behind)


@shared_task(name="knowledge.compare_index")
def compare_index() -> None:
    """Mark FAQs that are missing in the index; the next sweep indexes them."""
    with tenancy.all_tenants("The index is compared as a whole."):
        mark_missing()


@shared_task(name="knowledge.purge_deleted")
def purge_deleted_faqs() -> None:
    with tenancy.all_tenants("What was deleted is removed in every organization."):
        purge_deleted()
