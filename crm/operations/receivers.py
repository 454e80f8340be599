"""Receivers that store the results of checks of the apps below."""

from collections import Counter
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from crm.compliance.services.verification import Finding, Verified
from crm.compliance.signals import audit_verified
from crm.operations.models import CheckKind
from crm.operations.runs import FOUND_SHOWN, record_run


@receiver(audit_verified, dispatch_uid="operations.note_audit_verified")
def record_audit_verification(
    *, started_at: datetime, verified: Verified, findings: list[Finding], **kwargs: Any
) -> None:
    record_run(
        kind=CheckKind.AUDIT,
        started_at=started_at,
        examined=verified.entries,
        differences=len(findings),
        counts=Counter(finding.kind for finding in findings),
        found=[
            {
                "kind": finding.kind,
                "organization": str(finding.organization_id),
                "number": finding.seq,
            }
            for finding in findings[:FOUND_SHOWN]
        ],
    )
