"""Exports over HTTP: asked for, followed and fetched by a program, with the rights of its key."""

import json
from typing import Any

import pytest

from crm.core.jobs.models import Job
from crm.core.permissions import Level, Module
from crm.customers.models import Customer
from crm.organizations.models import Membership
from knowledge.services import FaqContent, create_faq
from tests.api.conftest import Api
from tests.compliance.audits import entries, settle
from tests.downloads import downloaded
from tests.jobs.counting import finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
EXPORTS = "/api/v1/exports"


@pytest.fixture
def api(owner: Membership) -> Api:
    for name in ("An", "Bo", "Carla"):
        Customer.objects.create(organization=owner.organization, name=name, stage="customer")
    return Api(owner)


def file_of(api: Api, job: dict[str, Any], **headers: str) -> Any:
    return api.get(f"/api/v1/jobs/{job['id']}/files/result", **headers)


def test_a_list_is_exported_followed_and_fetched(api: Api, owner: Membership) -> None:
    where = json.dumps({"all": [{"field": "name", "op": "not", "value": "Bo"}]})
    asked = {"record": "customers", "where": where, "ordering": "-name", "columns": ["name"]}
    answer = api.post(EXPORTS, asked, Idempotency_Key="once")
    assert answer.status_code == 202
    job = answer.json()
    assert (answer["Location"], job["state"]) == (f"/api/v1/jobs/{job['id']}", "waiting")
    assert api.post(EXPORTS, asked, Idempotency_Key="once").json() == job
    early = file_of(api, job)
    assert (early.status_code, early.json()["code"]) == (404, "job_file_not_found")
    finish(Job.objects.get())
    assert api.get(answer["Location"]).json()["files"] == ["result"]
    file = file_of(api, job, Accept="application/x-ndjson")
    lines = downloaded(file).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"name": "Carla"}, {"name": "An"}]
    settle()
    assert len(entries(owner.organization_id, "export.fetched")) == 1


def test_all_columns_come_unless_some_are_told(api: Api) -> None:
    job = api.post(EXPORTS, {"record": "customers", "format": "csv"}).json()
    finish(Job.objects.get(pk=job["id"]))
    heading = downloaded(file_of(api, job)).decode().splitlines()[0]
    names = '"Name","Email address","Phone","Company","Job title"'
    assert heading == f'{names},"Stage","Language","Created","Changed"'


def test_columns_are_told_as_the_api_calls_them(api: Api, owner: Membership) -> None:
    """What stands in the file is what was asked for, and what the record's address answers."""
    asked = ["question", "is_indexed", "language", "category_id"]
    content = FaqContent(question="Why?", answer="So.", language_code="en")
    faq = create_faq(content=content, by=owner)
    job = api.post(EXPORTS, {"record": "faqs", "columns": asked}).json()
    finish(Job.objects.get(pk=job["id"]))
    line = json.loads(downloaded(file_of(api, job)))
    assert list(line) == asked
    one = api.get(f"/api/v1/knowledge/faqs/{faq.pk}").json()
    assert line == {name: one[name] for name in asked}


def test_a_column_that_the_api_does_not_know_is_refused_with_those_it_knows(api: Api) -> None:
    for wrong in ("language_code", "indexed_version", "folded_text"):
        answer = api.post(EXPORTS, {"record": "faqs", "columns": ["question", wrong]})
        assert (answer.status_code, answer.json()["code"]) == (400, "columns_invalid")
        assert {"language", "is_indexed"} <= set(answer.json()["allowed"])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"record": "nothing"}, "invalid_field"),
        ({"format": "pdf"}, "invalid_field"),
        ({"where": "{"}, "filter_invalid"),
        ({"ordering": "email"}, "sort_invalid"),
        ({"columns": ["organization"]}, "columns_invalid"),
    ],
)
def test_what_the_list_does_not_know_is_refused(api: Api, wrong: dict[str, Any], code: str) -> None:
    answer = api.post(EXPORTS, {"record": "customers"} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Job.objects.exists()


def test_it_needs_the_right_to_read_all(owner: Membership) -> None:
    some = member_with(owner.organization, "Pat", rights(Module.CUSTOMERS, Level.TEAM, Level.NONE))
    assert Api(some).post(EXPORTS, {"record": "customers"}).status_code == 403
