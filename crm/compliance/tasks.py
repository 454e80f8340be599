"""Celery tasks of the audit. Each is idempotent."""

from contextlib import suppress
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from crm.compliance.models import AuditExport
from crm.compliance.services.exports import late_exports, purge_exports, write_export
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


@shared_task(name="compliance.write_export")
def export(organization_id: str, export_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        is_over = write_export(export_id=UUID(export_id))
    if not is_over:
        # Long ones go on in a task of their own, so that others have their turn.
        export.delay(organization_id, export_id)


def queue_export(export_row: AuditExport) -> None:
    """Queue a committed export; without a broker the sweep starts it."""
    with suppress(OperationalError):
        export.delay(str(export_row.organization_id), str(export_row.pk))


@shared_task(name="compliance.sweep_exports")
def sweep_exports() -> None:
    """Restart stalled exports, and delete files that were not downloaded in time."""
    with tenancy.all_tenants("Exports of every organization are swept."):
        late = late_exports()
        purge_exports()
    for organization_id, export_id in late:
        export.delay(str(organization_id), str(export_id))
