"""A kind of job for tests: it counts, and writes a line for each number."""

from crm.core.jobs.kinds import FileInfo, JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.running import run_job
from crm.core.permissions import Module, Principal, require


def count(run: Run) -> Steps:
    last = int(run.job.data["to"])
    for number in range(run.job.checkpoint or 0, last):
        require(run.by, Module.CUSTOMERS)
        run.append(f"{number}\n".encode())
        yield Step(done=number + 1, total=last, checkpoint=number + 1)
    return {"sum": sum(range(last))}


def may_fetch(principal: Principal, job: Job) -> bool:
    return principal.may(Module.CUSTOMERS)


COUNTING = JobKind(
    name="tests.count",
    label="Counting",
    run=count,
    may_fetch=may_fetch,
    file=lambda _job, _name: FileInfo("numbers.txt", "text/plain"),
    file_permissions=lambda _job: ["customers.view_customer"],
)
register_kind(COUNTING)


def finish(job: Job) -> Job:
    """Run a job to its end, a step at a time."""
    while run_job(job_id=job.pk, seconds=0):
        pass
    job.refresh_from_db()
    return job


def content_of(job: Job) -> bytes:
    chunks = job.chunks.filter(file="result").order_by("number")
    return b"".join(bytes(chunk.content) for chunk in chunks)


__all__ = ["COUNTING", "JobState", "content_of", "finish"]
