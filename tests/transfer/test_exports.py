"""Exports of a list: what it shows, for whoever may read all of it; told without the values."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from crm.core.jobs.models import Job
from crm.core.jobs.running import run_job
from crm.core.jobs.services import fetch_file
from crm.core.permissions import Level, Module
from crm.core.records import get_record
from crm.core.transfer import exporting
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.compliance.audits import entries, settle
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
    job.refresh_from_db()
    assert (job.done, job.total) == (3, 8)
    _info, chunks = fetch_file(by=owner, job_id=finish(job).pk)
    names = [json.loads(line)["name"] for line in b"".join(chunks).splitlines()]
    assert names == [f"Name {number}" for number in range(8)]


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
