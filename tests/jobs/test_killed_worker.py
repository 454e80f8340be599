"""A worker that is killed in the middle of a job: another goes on, and nothing is done twice."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from crm.core.jobs import services
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.tasks import run
from crm.core.records import get_record
from crm.core.transfer import import_jobs
from crm.core.transfer.importing import add_content, check_import, run_import, start_import
from crm.core.transfer.models import Import, ImportMode, ImportPart, PartKind
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.patience import await_true
from tests.servers import working
from tests.sweeps import sweep
from tests.transfer.files import ended

ROWS = 2 * import_jobs.BATCH + 100


def previewed(by: Membership) -> Import:
    rows = "".join(f"C{number},c{number}@shop.example\n" for number in range(ROWS))
    content = f"Name,Email\n{rows}Twice,c0@shop.example\n".encode()
    record = get_record("customers")
    found = start_import(by=by, record=record, file_name="people.csv", size=len(content))
    add_content(by=by, import_id=found.pk, number=0, content=content)
    found = ended(found)
    check_import(
        by=by,
        import_id=found.pk,
        seen=found.job_id,
        mapping=found.mapping,
        mode=ImportMode.BOTH,
        key="email",
    )
    return ended(found)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker_stores")
def test_a_killed_worker_loses_the_step_that_it_was_in(
    owner: Membership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "queue_job", lambda *_ids: None)
    found = previewed(owner)
    assert not Customer.objects.exists()
    job_id = run_import(by=owner, import_id=found.pk, seen=found.job_id).job_id
    assert job_id
    # The second batch waits for this transaction, which holds the place of its journal.
    with working(tmp_path) as worker, transaction.atomic():
        ImportPart.objects.create(
            organization_id=found.organization_id, of=found, kind=PartKind.JOURNAL, number=1
        )
        run.delay(str(owner.organization_id), str(job_id))
        await_true(
            lambda: Job.objects.get(pk=job_id).done == import_jobs.BATCH, "The job did not begin."
        )
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        transaction.set_rollback(True)
    first = set(Customer.objects.values_list("pk", flat=True))
    assert (Job.objects.get(pk=job_id).state, len(first)) == (JobState.RUNNING, import_jobs.BATCH)
    Job.objects.filter(pk=job_id).update(due_at=timezone.now() - timedelta(seconds=1))
    with working(tmp_path):
        sweep(run)
        await_true(
            lambda: Job.objects.get(pk=job_id).state == JobState.DONE, "The job was not resumed."
        )
    found.refresh_from_db()
    assert found.report == found.preview
    assert (found.report["created"], found.report["faulty"]) == (ROWS, 1)
    people = set(Customer.objects.values_list("pk", flat=True))
    assert (len(people), first <= people) == (ROWS, True)
