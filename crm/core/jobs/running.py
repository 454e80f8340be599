"""Running jobs: one worker at a time, step by step, each step committed with its checkpoint."""

import time
from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone, translation

from crm.core.errors import AppError
from crm.core.jobs.errors import JobGaveUp, StarterGone
from crm.core.jobs.kinds import JobKind, Run, Step, Steps, contexts_of, find_kind
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.services import QUEUED_FOR, end_job
from crm.core.permissions import IMPERSONATED, Principal, find_principal

# Longer than any step takes. After it another worker may claim the job.
LEASE = timedelta(seconds=60)
# Then the job goes to the end of its queue.
SLICE_SECONDS = 30.0
# Interruptions without progress in between, before the job fails.
MAX_ATTEMPTS = 4
FIRST_PAUSE = timedelta(seconds=5)


class _LeaseLost(Exception):
    """The job was cancelled or claimed by another worker."""


def run_job(*, job_id: UUID, seconds: float = SLICE_SECONDS) -> bool:
    """Run a job for ``seconds``. Return whether it has to be continued. Safe to repeat.

    An AppError of a step ends the job as failed. Other exceptions propagate, and the sweep queues
    the job again.
    """
    token = uuid4()
    job = _claim(job_id, token)
    kind = find_kind(job.kind) if job else None
    if job is None or kind is None:
        return False
    with ExitStack() as stack:
        stack.enter_context(translation.override(job.language_code))
        stack.enter_context(timezone.override(ZoneInfo(job.timezone_name)))
        for context in contexts_of(job):
            stack.enter_context(context)
        stack.callback(_release, job_id, token)
        try:
            return _run(kind, job, token, seconds)
        except _LeaseLost:
            return False
        except AppError as refusal:
            _fail(job_id, token, refusal)
            return False


def _run(kind: JobKind, job: Job, token: UUID, seconds: float) -> bool:
    run = Run(job, _starter_of(job))
    steps = kind.run(run)
    until = time.monotonic() + seconds
    while not _take_step(run, steps, token):
        if time.monotonic() >= until:
            return _pause(job.pk, token)
    return False


@transaction.atomic
def _claim(job_id: UUID, token: UUID) -> Job | None:
    """Claim a job that no other worker has; return None if there is nothing to run.

    The row of a job is locked during a step, so a locked row is a claimed one.
    """
    now = timezone.now()
    job = (
        Job.objects.select_for_update(skip_locked=True, no_key=True)
        .active()
        .filter(pk=job_id)
        .first()
    )
    if job is None or (job.worker is not None and job.due_at > now):
        return None
    if job.worker is not None:
        # Its worker was killed.
        job.attempts += 1
    if job.attempts > MAX_ATTEMPTS:
        _give_up(job)
        return None
    job.worker, job.due_at, job.state = token, now + LEASE, JobState.RUNNING
    job.started_at = job.started_at or now
    job.save(update_fields=["worker", "due_at", "state", "started_at", "attempts"])
    return job


@transaction.atomic
def _take_step(run: Run, steps: Steps, token: UUID) -> bool:
    """Run the next step and store its checkpoint. Return whether the job has ended."""
    job = _locked(run.job.pk, token)
    if job is None:
        raise _LeaseLost
    run.job, run.by = job, _starter_of(job)
    try:
        step = next(steps)
    except StopIteration as end:
        end_job(job, JobState.DONE, result=dict(end.value or {}))
        return True
    _store(job, step)
    return False


def _store(job: Job, step: Step) -> None:
    if step.checkpoint is not None and step.checkpoint != job.checkpoint:
        job.checkpoint, job.attempts = step.checkpoint, 0
    job.done, job.stage, job.due_at = step.done, step.stage, timezone.now() + LEASE
    job.total = step.total if step.total is not None else job.total
    job.save(update_fields=["checkpoint", "attempts", "done", "total", "stage", "due_at", "files"])


def _locked(job_id: UUID, token: UUID) -> Job | None:
    return (
        Job.objects.select_for_update(of=("self",), no_key=True)
        .active()
        .filter(pk=job_id, worker=token)
        .first()
    )


def _starter_of(job: Job) -> Principal:
    """Return the principal that started the job, with its current permissions.

    Raise StarterGone if its access ended since, even if it was restored, or if the impersonation
    under which the job was started has ended.
    """
    kind, identity = job.starter_kind, job.starter_id
    if job.impersonation_id is not None:
        kind, identity = IMPERSONATED, job.impersonation_id
    found = find_principal(
        kind,
        organization_id=job.organization_id,
        identity=identity,
        granted_at=job.created_at,
    )
    if found is None:
        raise StarterGone
    found.check_second_factor()
    return found


def _pause(job_id: UUID, token: UUID) -> bool:
    """Release the job between two steps. Return whether this worker still had it."""
    mine = Job.objects.active().filter(pk=job_id, worker=token)
    return bool(mine.update(worker=None, due_at=timezone.now() + QUEUED_FOR))


@transaction.atomic
def _fail(job_id: UUID, token: UUID, refusal: AppError) -> None:
    if job := _locked(job_id, token):
        end_job(job, JobState.FAILED, error_code=refusal.code, error=refusal.message)


@transaction.atomic
def _release(job_id: UUID, token: UUID) -> None:
    """Release a job that an exception left claimed; the sweep retries it after a growing pause."""
    job = _locked(job_id, token)
    if job is None:
        return
    pause = FIRST_PAUSE * 4**job.attempts
    job.attempts += 1
    if job.attempts > MAX_ATTEMPTS:
        _give_up(job)
        return
    job.worker, job.due_at = None, timezone.now() + pause
    job.save(update_fields=["worker", "attempts", "due_at"])


def _give_up(job: Job) -> None:
    gave_up = JobGaveUp()
    end_job(job, JobState.FAILED, error_code=gave_up.code, error=gave_up.message)
