"""Services of monthly partitions: create future ones, drop those older than ten years."""

import logging
from datetime import date

from django.db import connection, transaction

from crm.compliance.chain import Head
from crm.compliance.database import make_months
from crm.compliance.models import LegalHold
from crm.compliance.services.audit_log import record
from crm.compliance.services.signatures import store_seals

logger = logging.getLogger(__name__)

# The advisory lock between dropping a month and placing a hold.
MONTHS = "audit months"


def make_coming_months() -> int:
    with connection.cursor() as cursor:
        return make_months(cursor)


def drop_old_months() -> list[date]:
    """Drop the expired months, the oldest first. Return the dropped ones.

    A legal hold on an organization, or on a subject in it, retains a month with entries of that
    organization, and with it all later ones: a chain has no gaps.
    """
    dropped = []
    for month in _old_months():
        if not _drop(month):
            break
        dropped.append(month)
    return dropped


@transaction.atomic
def _drop(month: date) -> bool:
    with connection.cursor() as cursor:
        # Whoever places a hold at this moment comes before, and is seen, or finds the month gone.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [MONTHS])
        cursor.execute("SELECT * FROM nextflow_audit_ends_of(%s)", [month])
        ends = [
            Head(organization_id, seq, at, bytes(entry_hash), is_start=True)
            for organization_id, seq, at, entry_hash in cursor.fetchall()
        ]
        held = set(LegalHold.objects.active().values_list("organization_id", flat=True))
        if any(end.organization_id in held for end in ends):
            logger.warning(
                "A legal hold keeps a month of the audit that would be dropped.",
                extra={"metadata": {"action": "audit.retain", "month": str(month)}},
            )
            return False
        store_seals(ends)
        cursor.execute("SELECT nextflow_audit_drop_month(%s)", [month])
    record(
        organization_id=None,
        action="audit.month_dropped",
        object_type="audit",
        details={"month": f"{month:%Y-%m}", "chains": len(ends)},
    )
    return True


def _old_months() -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT month FROM nextflow_audit_old_months() month")
        return [row[0] for row in cursor.fetchall()]
