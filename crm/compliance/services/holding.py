"""Verbs about legal holds and about forgetting."""

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from config.tracing import current_correlation_id
from crm.accounts.models import Organization
from crm.compliance.acting import current_actor
from crm.compliance.errors import HoldNotFound, UnderLegalHold
from crm.compliance.models import LegalHold


@transaction.atomic
def place_hold(*, organization_id: UUID, reason: str, subject: str = "") -> LegalHold:
    """Keep what the audit holds of a subject, or of all of an organization. Safe to repeat."""
    # The organization's row is the lock between holding and erasing.
    Organization.objects.select_for_update().get(pk=organization_id)
    hold, _created = LegalHold.objects.active().get_or_create(
        organization_id=organization_id, subject=subject, defaults={"reason": reason}
    )
    return hold


@transaction.atomic
def lift_hold(*, hold_id: UUID) -> LegalHold:
    hold = LegalHold.objects.active().select_for_update().filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFound
    hold.lifted_at = timezone.now()
    hold.save(update_fields=["lifted_at"])
    return hold


@transaction.atomic
def erase_values(*, organization_id: UUID, subject: str) -> int:
    """Forget the values that the audit holds of a subject (``customer:<id>``, ``user:<id>``).

    Of a user also the addresses they came from. The entries stay, and so does their proof. Gives
    how many values were forgotten. Raises UnderLegalHold.
    """
    Organization.objects.select_for_update().get(pk=organization_id)
    if LegalHold.objects.on(organization_id, subject).exists():
        raise UnderLegalHold
    actor = current_actor()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextflow_audit_erase(%s, %s, %s, %s, %s)",
            [organization_id, subject, actor.kind, actor.id, current_correlation_id() or ""],
        )
        return int(cursor.fetchone()[0])
