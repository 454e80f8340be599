"""Exports of the audit: jobs whose file holds what the starter may see, told and safe to open."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from crm.compliance.filters import Filters
from crm.compliance.services import exports
from crm.compliance.services.exports import start_export
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import cancel_job, fetch_file
from crm.core.permissions import Level, Module
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.compliance.audits import actions, entries, settle
from tests.downloads import downloaded
from tests.jobs.counting import finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 10)


def started(owner: Membership, file_format: Format, **filters: Any) -> Job:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"=C{number}") for number in range(35)
    )
    settle()
    job = start_export(by=owner, file_format=file_format, filters=Filters(**filters))
    settle()
    return job


def content(by: Membership, job: Job) -> str:
    _info, chunks = fetch_file(by=by, job_id=job.pk)
    return b"".join(chunks).decode()


def test_an_export_is_written_in_batches_and_told(owner: Membership) -> None:
    job = started(owner, Format.JSONL, object_type="customer")
    run_job(job_id=job.pk, seconds=0)
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("running", 10, 35)
    assert finish(job).result == {"entries": 35}
    records = [json.loads(line) for line in content(owner, job).splitlines()]
    assert [record["seq"] for record in records] == [
        entry.seq for entry in entries(owner.organization_id, "customer.created")
    ]
    assert actions(owner.organization_id)[-3:] == ["export.asked", "export.done", "export.fetched"]
    (fetched,) = entries(owner.organization_id, "export.fetched")
    assert (fetched.object_id, fetched.details["entries"]) == (str(job.pk), 35)
    (done,) = entries(owner.organization_id, "export.done")
    assert (done.actor_kind, done.actor_id) == ("user", str(owner.user_id))


def test_a_spreadsheet_finds_no_formula(owner: Membership) -> None:
    job = finish(started(owner, Format.CSV, action="customer.created"))
    rows = list(csv.reader(io.StringIO(content(owner, job).lstrip("\ufeff"))))
    assert rows[0] == list(exports.COLUMNS)
    assert len(rows) == 36
    for row in rows[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_what_happens_meanwhile_is_not_part_of_it(owner: Membership) -> None:
    job = started(owner, Format.JSONL)
    run_job(job_id=job.pk, seconds=0)
    Customer.objects.create(organization=owner.organization, name="Later")
    settle()
    assert "Later" not in content(owner, finish(job))


def test_a_cancelled_export_is_told(owner: Membership) -> None:
    job = started(owner, Format.CSV)
    cancel_job(by=owner, job_id=job.pk)
    assert actions(owner.organization_id)[-1] == "export.cancelled"


def test_an_export_begins_on_the_page_and_is_fetched_there(owner: Membership) -> None:
    client = Client()
    client.force_login(owner.user)
    answer = client.post("/app/settings/audit/exports/?object_type=customer", {"format": "csv"})
    assert answer.status_code == 302
    job = Job.objects.get()
    assert job.data["filters"] == {"object_type": "customer"}
    assert f"/app/settings/jobs/{job.pk}/" in client.get("/app/settings/audit/").content.decode()
    settle()
    finish(job)
    answer = client.post(f"/app/settings/jobs/{job.pk}/file/")
    name = f"audit-{job.created_at:%Y%m%d-%H%M%S}.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert downloaded(answer).startswith('\ufeff"seq",'.encode())


def test_an_export_with_a_wrong_filter_is_none(owner: Membership) -> None:
    """It would be of everything."""
    client = Client()
    client.force_login(owner.user)
    for query in ("since=never", "actor=nobody"):
        address = f"/app/settings/audit/exports/?object_type=customer&{query}"
        answer = client.post(address, {"format": "csv"}, follow=True)
        assert "A filter is wrong, so nothing is exported." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_file_holds_no_more_than_who_asked_may_see(owner: Membership) -> None:
    settings_only = member_with(
        owner.organization, "Sven", rights(Module.SETTINGS, Level.ALL, Level.ALL)
    )
    everything = started(owner, Format.JSONL)
    some = start_export(by=settings_only, file_format=Format.JSONL, filters=Filters())
    settle()
    for job in (everything, some):
        finish(job)
    assert '"customer.created"' in content(owner, everything)
    told = content(settings_only, some)
    assert '"role.created"' in told
    assert "customer." not in told.replace('"customer"', "")
    with pytest.raises(JobNotFound):
        fetch_file(by=settings_only, job_id=everything.pk)
