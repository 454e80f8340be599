"""Celery tasks of jobs. Each is idempotent."""

from uuid import UUID

from celery import shared_task

from crm.core import tenancy
from crm.core.jobs.running import run_job
from crm.core.jobs.services import due_jobs, purge_jobs
from crm.core.recovery import register_sweep


@shared_task(name="jobs.run")
def run(organization_id: str, job_id: str) -> None:
    with tenancy.organization(UUID(organization_id)):
        goes_on = run_job(job_id=UUID(job_id))
    if goes_on:
        # In a task of its own, so that others have their turn.
        run.delay(organization_id, job_id)


register_sweep(run, due_jobs)


@shared_task(name="jobs.purge")
def purge() -> None:
    with tenancy.all_tenants("Old jobs of every organization are deleted."):
        purge_jobs()
