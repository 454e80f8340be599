"""What tests ask of an audit, and how somebody who owns the database would tamper with it."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from crm.compliance.models import AuditEntry, AuditValues
from crm.compliance.services.verification import Verified, verify
from crm.core.database.owner import as_owner


def settle() -> None:
    """Let deferred triggers fire now, in a test whose transaction is never committed."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def entries(organization_id: UUID, action: str = "") -> list[AuditEntry]:
    settle()
    found = AuditEntry.objects.of(organization_id).oldest_first()
    return list(found.filter(action=action) if action else found)


def actions(organization_id: UUID) -> list[str]:
    return [entry.action for entry in entries(organization_id)]


def values_of(entry: AuditEntry) -> Any:
    return AuditValues.objects.personal([entry]).get((entry.organization_id, entry.at))


def findings(organization_id: UUID | None, **more: Any) -> list[tuple[int, str]]:
    found = verify(verified=Verified(), organization_id=organization_id, **more)
    return [(finding.seq, finding.kind) for finding in found]


def tamper(sql: str, parameters: list[Any] | None = None) -> None:
    """Run a statement as the owner of the tables, with the triggers out of the way."""
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        for table in ("entry", "values", "signature", "chain"):
            cursor.execute(f"ALTER TABLE compliance_audit{table} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)
        for table in ("entry", "values", "signature", "chain"):
            cursor.execute(f"ALTER TABLE compliance_audit{table} ENABLE TRIGGER USER")
