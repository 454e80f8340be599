"""Services of jobs: start, cancel, fetch a file, sweep, purge."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone, translation
from kombu.exceptions import OperationalError

from crm.core import tenancy
from crm.core.database.locks import lock_until_commit, waiting_at_most
from crm.core.jobs.errors import (
    JobBusy,
    JobFileNotFound,
    JobNotFound,
    JobNotUndoable,
    TooManyJobs,
)
from crm.core.jobs.kinds import RESULT, FileInfo, JobKind, find_kind, undo_of
from crm.core.jobs.models import Job, JobChunk, JobState, starter_id
from crm.core.jobs.signals import job_event
from crm.core.permissions import Principal

# Time for the queued task to start; then the sweep queues another one.
QUEUED_FOR = timedelta(seconds=30)
FILES_KEPT = timedelta(days=7)
JOBS_KEPT = timedelta(days=90)
SWEPT_AT_ONCE = 200


@transaction.atomic
def start_job(*, by: Principal, kind: JobKind, data: Mapping[str, Any]) -> Job:
    """Store a job and queue it after the commit. The caller has checked the permission.

    Raise TooManyJobs, and what a receiver of `job_event` raises (a plan's limit).
    """
    # Of those who count at the same moment, one goes on.
    lock_until_commit("jobs", by.organization_id, kind.name)
    theirs = Job.objects.filter(organization_id=by.organization_id, kind=kind.name)
    if theirs.active().count() >= kind.most_active:
        raise TooManyJobs
    impersonation = by.impersonation
    job = Job.objects.create(
        organization_id=by.organization_id,
        kind=kind.name,
        starter_kind=by.kind,
        starter_id=starter_id(by),
        impersonation_id=impersonation.pk if impersonation else None,
        operator_id=impersonation.operator_id if impersonation else None,
        started_by_id=by.user_id,
        language_code=translation.get_language() or "en",
        timezone_name=timezone.get_current_timezone_name(),
        data=dict(data),
        due_at=timezone.now() + QUEUED_FOR,
    )
    job_event.send(sender=Job, job=job, event="started")
    transaction.on_commit(lambda: queue_job(job.organization_id, job.pk), robust=True)
    return job


def queue_job(organization_id: UUID, job_id: UUID) -> None:
    """Queue a committed job; if the broker is unavailable, the sweep queues it later."""
    with suppress(OperationalError):
        current_app.send_task("jobs.run", args=[str(organization_id), str(job_id)])


@transaction.atomic
def cancel_job(*, by: Principal, job_id: UUID) -> Job:
    """Cancel a job between two of its steps and delete its files. Safe to repeat.

    Raise JobNotFound, or JobBusy if its current step holds the row for too long.
    """
    with waiting_at_most(JobBusy()):
        job = (
            Job.objects.visible_to(by)
            .select_for_update(of=("self",), no_key=True)
            .filter(pk=job_id)
            .first()
        )
    if job is None:
        raise JobNotFound
    if job.is_active:
        end_job(job, JobState.CANCELLED)
    return job


@transaction.atomic
def undo_job(*, by: Principal, job_id: UUID) -> Job:
    """Start the job that undoes an ended one. Return it.

    Raise JobNotFound, JobNotUndoable, and what `start_job` does.
    """
    job = Job.objects.visible_to(by).filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    start = undo_of(job.kind)
    if start is None or job.is_active:
        raise JobNotUndoable
    return start(by=by, job=job)


@transaction.atomic
def fetch_file(
    *, by: Principal, job_id: UUID, name: str = RESULT
) -> tuple[FileInfo, Iterator[bytes]]:
    """Return a file's description and the bytes to send; send `job_event` "fetched".

    Raise JobNotFound, also if the principal may not see the job's results, or JobFileNotFound.
    """
    job = Job.objects.visible_to(by).filter(pk=job_id).first()
    kind = find_kind(job.kind) if job else None
    if job is None or kind is None or not kind.may_fetch(by, job):
        raise JobNotFound
    if job.state != JobState.DONE or kind.file is None or not job.files.get(name):
        raise JobFileNotFound
    info = kind.file(job, name)
    job_event.send(sender=Job, job=job, event="fetched")
    return info, info.wrap(chunks_of(job, name))


def chunks_of(job: Job, name: str) -> Iterator[bytes]:
    """Yield the chunks of a file, reading each on demand.

    A download continues after the request's tenancy scope has ended, so each read enters its own.
    """
    for number in range(job.files.get(name, 0)):
        with tenancy.organization(job.organization_id):
            chunk = JobChunk.objects.filter(job=job, file=name, number=number).first()
        if chunk is None:
            return
        yield bytes(chunk.content)


def end_job(job: Job, state: JobState, **values: Any) -> None:
    """End a locked job with these values; unless it is DONE, delete its files."""
    for name, value in values.items():
        setattr(job, name, value)
    job.state, job.worker, job.finished_at = state, None, timezone.now()
    if state != JobState.DONE:
        job.chunks.all().delete()
        job.files = {}
    job.save()
    if kind := find_kind(job.kind):
        kind.ended(job)
    job_event.send(sender=Job, job=job, event=str(state))


def due_jobs() -> list[tuple[UUID, UUID]]:
    """Return (organization, job) ids of jobs that no worker runs, and postpone their next sweep."""
    now = timezone.now()
    due = Job.objects.active().filter(due_at__lt=now).order_by("due_at")
    found = list(due.values_list("organization_id", "pk")[:SWEPT_AT_ONCE])
    waiting = Job.objects.filter(pk__in=[pk for _organization, pk in found], worker=None)
    waiting.update(due_at=now + QUEUED_FOR)
    return found


def purge_jobs() -> None:
    """Delete files after FILES_KEPT, and jobs after JOBS_KEPT."""
    now = timezone.now()
    old = Job.objects.filter(finished_at__lt=now - FILES_KEPT).exclude(files={})
    for job in old.iterator():
        with transaction.atomic():
            job.chunks.all().delete()
            Job.objects.filter(pk=job.pk).update(files={})
    Job.objects.filter(finished_at__lt=now - JOBS_KEPT).delete()
