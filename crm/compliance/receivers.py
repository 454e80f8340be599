"""Receivers that audit other apps' signals without a changed row."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from crm.authentication.signals import log_in_refused, refresh_token_reused
from crm.compliance.actor import Actor
from crm.compliance.models import ActorKind
from crm.compliance.services.audit_log import record, record_refused_log_in
from crm.core import tenancy
from crm.core.jobs.kinds import find_kind
from crm.core.jobs.models import Job
from crm.core.jobs.signals import job_event


@receiver(log_in_refused, dispatch_uid="compliance.record_refused_log_in")
def audit_refused_log_in(*, email: str, address: str, method: str, **kwargs: Any) -> None:
    with tenancy.all_tenants("Somebody's organizations learn that a log-in was refused."):
        record_refused_log_in(email=email, address=address, method=method)


@receiver(refresh_token_reused, dispatch_uid="compliance.record_reused_token")
def tell_reused_token(
    *, user_id: UUID, organization_id: UUID, family_id: UUID, address: str | None, **kwargs: Any
) -> None:
    record(
        organization_id=organization_id,
        action="tokens.reused",
        object_type="tokens",
        object_id=str(family_id),
        details={"user": str(user_id)},
        subject=f"user:{user_id}",
        actor=Actor(ActorKind.NOBODY, "", address),
    )


# Actions in the audit by event of a job.
_ACTIONS = {"started": "asked"}


@receiver(job_event, dispatch_uid="compliance.record_job_event")
def record_job_event(*, job: Job, event: str, **kwargs: Any) -> None:
    kind = find_kind(job.kind)
    if kind is None or not kind.audited_as:
        return
    record(
        organization_id=job.organization_id,
        action=f"{kind.audited_as}.{_ACTIONS.get(event, event)}",
        object_type=kind.audited_as,
        object_id=str(job.pk),
        details=kind.audited(job),
    )
