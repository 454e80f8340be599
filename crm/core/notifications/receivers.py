"""The notifications about background tasks: whoever started one hears of its end."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.jobs.kinds import find_kind as find_job_kind
from crm.core.jobs.models import Job
from crm.core.jobs.presentation import present
from crm.core.jobs.signals import job_event
from crm.core.notifications.kinds import (
    NotificationKind,
    Subject,
    register_kind,
    register_subject,
)
from crm.core.notifications.services import notify
from crm.core.permissions import Principal

JOB = "job"
JOB_DONE = register_kind(
    NotificationKind(
        name="job.done",
        label=_("A background task of yours is finished"),
        icon="check",
        say=lambda _actor, title: gettext("Finished: %(task)s") % {"task": title},
    )
)
JOB_FAILED = register_kind(
    NotificationKind(
        name="job.failed",
        label=_("A background task of yours failed"),
        icon="alert-triangle",
        say=lambda _actor, title: gettext("Failed: %(task)s") % {"task": title},
    )
)
_KINDS = {"done": JOB_DONE, "failed": JOB_FAILED}


@receiver(job_event, dispatch_uid="notifications.tell_of_job")
def tell_of_job(*, job: Job, event: str, **kwargs: Any) -> None:
    """Notify the member who started a job of its end, unless an operator started it as them."""
    kind, declared = _KINDS.get(event), find_job_kind(job.kind)
    if kind is None or declared is None or not declared.is_notified:
        return
    if job.started_by_id is None or job.impersonation_id is not None:
        return
    notify(
        organization_id=job.organization_id,
        kind=kind,
        key=str(job.pk),
        subject=JOB,
        subject_id=job.pk,
        user_ids=[job.started_by_id],
    )


def _jobs(reader: Principal, ids: Collection[UUID]) -> Mapping[UUID, Subject]:
    jobs = Job.objects.visible_to(reader).filter(pk__in=ids)
    return {
        each.job.pk: Subject(each.title, each.url or reverse("jobs:job", args=[each.job.pk]))
        for each in present(reader, jobs)
    }


register_subject(JOB, _jobs)
