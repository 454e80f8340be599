"""Exports of a list: what it shows, for whoever may read all of it; told without the values."""

import csv
import io
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import fetch_file
from crm.core.models import IdempotentRequest
from crm.core.permissions import Level, Module
from crm.core.records import get_record, records
from crm.core.records.serializers import member_of, serializer_of
from crm.core.transfer import exporting
from crm.customers.models import Customer
from crm.organizations.models import Membership
from knowledge.services import FaqContent, create_faq
from tests.api.conftest import Api
from tests.compliance.audits import entries, settle
from tests.forms.browsers import form_of
from tests.jobs.counting import finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")
EXPORT = "/app/export/customers/"


@pytest.fixture(autouse=True)
def people(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 3)
    for number in range(8):
        Customer.objects.create(
            organization=owner.organization,
            name=f"Name {number}",
            email=f"c{number}@shop.example" if number % 2 else "",
            stage="customer",
        )


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def exported(browser: Client, **asked: Any) -> Job:
    answer = browser.post(EXPORT, {"format": "csv", "columns": "shown", "state": "{}"} | asked)
    assert answer.status_code == 302, answer.content
    job = Job.objects.get()
    assert answer["Location"] == f"/app/settings/jobs/{job.pk}/"
    return job


def rows_of(by: Membership, job: Job) -> list[list[str]]:
    _info, chunks = fetch_file(by=by, job_id=job.pk)
    return list(csv.reader(io.StringIO(b"".join(chunks).decode().removeprefix("\ufeff"))))


def test_the_file_holds_what_the_list_shows_in_its_order(
    browser: Client, owner: Membership
) -> None:
    listed = browser.get(
        CUSTOMERS.list_url,
        {"email__filled": "true", "sort": "-name", "columns": "phone,name,email"},
    )
    job = finish(exported(browser, state=listed.context["stored_json"]))
    assert rows_of(owner, job) == [
        ["Name", "Phone", "Email address"],
        *([f"Name {number}", "", f"c{number}@shop.example"] for number in (7, 5, 3, 1)),
    ]
    assert (job.total, job.result) == (4, {"rows": 4})


def test_a_search_with_all_columns(browser: Client, owner: Membership) -> None:
    listed = browser.get(CUSTOMERS.list_url, {"q": "name 4"})
    job = finish(exported(browser, state=listed.context["stored_json"], columns="all"))
    head, row = rows_of(owner, job)
    assert head == [field.heading for field in CUSTOMERS.fields]
    assert row[0] == "Name 4"


def test_it_goes_on_at_the_row_that_it_reached(browser: Client, owner: Membership) -> None:
    state = browser.get(CUSTOMERS.list_url, {"sort": "name"}).context["stored_json"]
    job = exported(browser, state=state, format="jsonl")
    run_job(job_id=job.pk, seconds=0)
    for done in (0, 3):
        job.refresh_from_db()
        assert (job.done, job.total) == (done, 8)
        run_job(job_id=job.pk, seconds=0)
    names = [each["name"] for each in lines_of(owner, finish(job))]
    assert names == [f"Name {number}" for number in range(8)]
    assert set(job.chunks.values_list("file", flat=True)) == {"result"}


def lines_of(by: Membership, job: Job) -> list[dict[str, Any]]:
    _info, chunks = fetch_file(by=by, job_id=job.pk)
    return [json.loads(line) for line in b"".join(chunks).splitlines()]


@pytest.mark.parametrize("sort", ["-updated_at", "updated_at", "name"])
def test_nobody_is_missing_because_they_were_edited_meanwhile(
    browser: Client, owner: Membership, sort: str
) -> None:
    """Whether the edit moves them in the list, or out of its filter; who was deleted is missing."""
    address = {"sort": sort, "phone__empty": "true"}
    listed = browser.get(CUSTOMERS.list_url, address)
    names = [row.name for row in CUSTOMERS.visible_to(owner).order_by(sort, "pk")]
    job = exported(browser, state=listed.context["stored_json"], format="jsonl")
    for _step in ("the ids", "the first rows"):
        run_job(job_id=job.pk, seconds=0)
    for at in (0, 4, 7):
        CUSTOMERS.update(by=owner, pk=Customer.objects.get(name=names[at]).pk, phone="+84 999")
    Customer.objects.get(name=names[5]).delete()
    CUSTOMERS.create(by=owner, name="Later")
    job = finish(job)
    told = lines_of(owner, job)
    assert [each["name"] for each in told] == names[:5] + names[6:]
    assert [each["phone"] for each in told] == ["", "", "", "", "+84 999", "", "+84 999"]
    assert (job.done, job.total, job.result) == (7, 7, {"rows": 7})


def test_json_lines_have_the_members_of_the_api(browser: Client, owner: Membership) -> None:
    """Also beside a zone of one's own, in which files are that people read."""
    faq = create_faq(
        by=owner, content=FaqContent(question="Why?", answer="So.", language_code="en")
    )
    for record, path in ((CUSTOMERS, "customers"), (get_record("faqs"), "knowledge/faqs")):
        listed = browser.get(record.list_url)
        asked = {"format": "jsonl", "columns": "all", "state": listed.context["stored_json"]}
        assert browser.post(f"/app/export/{record.slug}/", asked).status_code == 302
        job = Job.objects.latest("created_at")
        job.timezone_name = "Asia/Ho_Chi_Minh"
        job.save()
        told = lines_of(owner, finish(job))
        theirs = Api(owner).get(f"/api/v1/{path}").json()["results"]
        names = list(told[0])
        assert len(names) == len(record.fields)
        assert told == [{name: each[name] for name in names} for each in theirs]
    assert (told[0]["language"], told[0]["is_indexed"]) == ("en", False)
    assert told[0]["question"] == faq.question


def test_who_may_not_read_everything_takes_no_file_along(owner: Membership, client: Client) -> None:
    some = member_with(owner.organization, "Sven", rights(Module.CUSTOMERS, Level.TEAM, Level.NONE))
    client.force_login(some.user)
    page = client.get(CUSTOMERS.list_url)
    assert EXPORT not in page.content.decode()
    asked = {"format": "csv", "columns": "shown", "state": page.context["stored_json"]}
    assert client.post(EXPORT, asked).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "exe"},
        {"columns": "none"},
        {"state": "["},
        {"state": "{}"},
        {"state": '{"columns": ["password"], "where": {"all": []}}'},
        {"state": '{"columns": ["name"], "where": {"field": "nothing", "op": "is"}}'},
        {"state": '{"columns": [[]], "where": {"all": []}}'},
        {"state": '{"columns": ["name"], "where": {"all": []}, "sort": "phone"}'},
    ],
)
def test_what_cannot_be_listed_is_not_exported(browser: Client, wrong: dict[str, str]) -> None:
    """Least of all without the filter: it would be of everything."""
    stored = browser.get(CUSTOMERS.list_url).context["stored_json"]
    asked = {"format": "csv", "columns": "shown", "state": stored} | wrong
    assert browser.post(EXPORT, asked).status_code == 400
    assert browser.post("/app/export/nothing/", asked).status_code == 404
    assert not Job.objects.exists()


def test_what_no_sheet_holds_is_refused(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MAX_SHEET_ROWS", 7)
    state = browser.get(CUSTOMERS.list_url).context["stored_json"]
    job = finish(exported(browser, state=state, format="xlsx"))
    assert (job.state, job.error_code) == ("failed", "export_too_long")


def test_the_audit_tells_of_it_without_the_values_of_the_filter(
    browser: Client, owner: Membership
) -> None:
    listed = browser.get(CUSTOMERS.list_url, {"name__is": "Secretia"})
    job = finish(exported(browser, state=listed.context["stored_json"]))
    settle()
    (asked,) = entries(owner.organization_id, "export.asked")
    assert asked.object_id == str(job.pk)
    assert asked.details["filtered_by"] == ["name"]
    assert "Secretia" not in json.dumps(asked.details)
    assert entries(owner.organization_id, "export.done")[0].details["entries"] == 0


@pytest.mark.parametrize("letter", ["\\u0000", "\\ud800"])
def test_search_with_a_letter_that_no_store_takes_is_without_it(
    browser: Client, letter: str
) -> None:
    job = exported(
        browser,
        state=f'{{"columns": ["name"], "where": {{"all": []}}, "search": "Na{letter}me 1"}}',
    )
    assert job.data["list"]["search"] == "Name 1"


def test_every_column_has_a_member_of_the_api() -> None:
    for record in records():
        members = serializer_of(record)().fields
        assert {member_of(record, each) for each in record.fields} <= set(members)


def test_an_export_that_is_sent_again_later_asks(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.get(CUSTOMERS.list_url)
    form = form_of(page, "has_bom") | {"format": "csv", "columns": "shown"}
    saved = browser.post(EXPORT, form)["Location"]
    assert browser.post(EXPORT, form)["Location"] == saved
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    # The cipher of the stored answer has a clock of its own.
    present = time.time
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: present() + 120)
    told = browser.post(EXPORT, form).json()
    assert (told["code"], told["location"]) == ("form_sent_before", saved)
    assert Job.objects.count() == 1
