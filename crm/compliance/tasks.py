"""Celery tasks of the audit. Each is idempotent."""

from celery import shared_task

from crm.compliance.services.retention import drop_old_months, make_coming_months
from crm.compliance.services.signatures import log_anchors, seal_chains
from crm.core import tenancy


@shared_task(name="compliance.seal")
def seal() -> None:
    with tenancy.all_tenants("Every chain is sealed."):
        seal_chains()


@shared_task(name="compliance.anchor")
def anchor() -> None:
    with tenancy.all_tenants("Every chain is anchored."):
        log_anchors()


@shared_task(name="compliance.keep_months")
def keep_months() -> None:
    with tenancy.all_tenants("A month holds entries of all organizations."):
        make_coming_months()
        drop_old_months()
