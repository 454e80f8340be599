"""A worker that is killed in the middle of a job: another goes on, and nothing is done twice."""

import json
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from crm.compliance.filters import Filters
from crm.compliance.services import exports
from crm.compliance.services.exports import start_export
from crm.core.jobs import services
from crm.core.jobs.models import Job, JobChunk, JobState
from crm.core.jobs.tasks import run, sweep
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.jobs.counting import content_of
from tests.patience import await_true
from tests.servers import working

ROWS = 2 * exports.BATCH + 100


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker_stores")
def test_a_killed_worker_loses_the_step_that_it_was_in(
    owner: Membership, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"C{number}") for number in range(ROWS)
    )
    monkeypatch.setattr(services, "queue_job", lambda *_ids: None)
    job = start_export(
        by=owner, file_format=Format.JSONL, filters=Filters(action="customer.created")
    )
    # The second batch waits for this transaction, which holds the place of its chunk: the first
    # chunk of the file is its head.
    with working(tmp_path) as worker, transaction.atomic():
        JobChunk.objects.create(
            organization=owner.organization, job=job, file="result", number=2, content=b""
        )
        run.delay(str(owner.organization_id), str(job.pk))
        await_true(
            lambda: Job.objects.get(pk=job.pk).done == exports.BATCH, "The job did not begin."
        )
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        transaction.set_rollback(True)
    first = list(job.chunks.order_by("number").values_list("pk", flat=True))
    job.refresh_from_db()
    assert (job.state, len(first)) == (JobState.RUNNING, 2)
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    with working(tmp_path):
        sweep()
        await_true(
            lambda: Job.objects.get(pk=job.pk).state == JobState.DONE, "The job was not resumed."
        )
    assert list(job.chunks.order_by("number").values_list("pk", flat=True))[:2] == first
    lines = [json.loads(line)["seq"] for line in content_of(job).splitlines()]
    assert (len(lines), len(set(lines))) == (ROWS, ROWS)
