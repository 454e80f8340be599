"""What every record of the kit does, asked of each that is registered."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm.core.errors import InvalidField
from crm.core.ids import uuid7
from crm.core.jobs.services import fetch_file
from crm.core.records import ListState, Record, get_record, records
from crm.core.records.bulk import choose, run_bulk
from crm.core.records.fields import (
    ChoiceField,
    Field,
    MomentField,
    NumberField,
    RelationField,
)
from crm.core.records.operators import Operator
from crm.core.records.record import DELETE
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.core.undo.services import undo
from crm.customers.models import Customer
from crm.customers.services import create_customer, update_customer
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq, FaqCategory
from tests.api.conftest import Api
from tests.jobs.counting import content_of, finish
from tests.transfer.files import import_file
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db

# How a row of each record is made, and what its form is filled with.
ROWS: dict[str, Callable[[Organization, int], Any]] = {
    "customers": lambda organization, number: Customer.objects.create(
        organization=organization,
        name=f"Name {number % 7}" if number % 3 else "",
        email=f"c{number}@shop.example" if number % 2 else "",
        stage="customer" if number % 3 else "visitor",
    ),
    "faqs": lambda organization, number: Faq.objects.create(
        organization=organization,
        key=f"faq-{number}",
        language_code="en",
        question=f"Question {number}?",
        answer="Yes.",
        is_published=number % 2 == 0,
        category=FaqCategory.objects.get_or_create(
            organization=organization, slug="tea", defaults={"name": "Tea"}
        )[0],
    ),
    "umbrellas": lambda organization, number: Umbrella.objects.create(
        organization=organization, name=f"Umbrella {number % 7}", is_lent=number % 2 == 0
    ),
}
FORMS: dict[str, dict[str, Any]] = {
    "customers": {"name": "Ana", "email": "ana@shop.example", "phone": "+63 2 555"},
    "faqs": {
        "question": "Do you ship?",
        "answer": "Yes.",
        "language_code": "en",
        "is_published": True,
    },
    "umbrellas": {"name": "Big one", "color": "yellow", "ribs": 16, "note": "Two\nlines"},
}
# What two people change at the same time.
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "customers": ({"name": "Another"}, {"email": ""}),
    "faqs": ({"question": "Another?"}, {"phrasings": ["Shipping?", "Delivery?"]}),
    "umbrellas": ({"name": "Another"}, {"ribs": 24}),
}
# The path of its API, what creates a row, what changes it, and a filter that finds it.
APIS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "customers": (
        "/api/v1/customers",
        {"name": "Minh", "language": "vi"},
        {"language": "ru"},
        {"field": "language_code", "op": "in", "value": ["vi"]},
    ),
    "faqs": (
        "/api/v1/knowledge/faqs",
        {"question": "Do you ship?", "answer": "Yes.", "language": "en"},
        {"answer": "No."},
        {"field": "is_published", "op": "yes"},
    ),
    "umbrellas": (
        "/api/v1/umbrellas",
        {"name": "Big one", "ribs": 16},
        {"is_lent": True},
        {"field": "ribs", "op": "gte", "value": "16"},
    ),
}
ALL = sorted(record.slug for record in records())
IMPORTED = sorted(record.slug for record in records() if record.import_keys)
QUERIES_OF_A_PAGE = 8


@pytest.fixture(params=ALL)
def record(request: pytest.FixtureRequest) -> Record:
    return get_record(request.param)


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def make(record: Record, organization: Organization, count: int) -> list[Any]:
    known = record.model._default_manager.count()
    return [ROWS[record.slug](organization, known + number) for number in range(count)]


def test_every_record_has_rows_and_a_form_here() -> None:
    assert set(ROWS) == set(FORMS) == set(EDITS) == set(APIS) == set(ALL)


def ids_of(record: Record, state: ListState, reader: Membership) -> list[UUID]:
    ids: list[UUID] = []
    cursor: str | None = ""
    while cursor is not None:
        page = state.page(reader, cursor)
        ids += [row.pk for row in page.rows]
        cursor = page.next_cursor
    return ids


def test_each_order_gives_each_row_once(
    record: Record, organization: Organization, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.core.records.lists.PAGE_SIZE", 4)
    rows = {row.pk: row for row in make(record, organization, 15)}
    sortable = [field for field in record.fields if field.is_sortable]
    assert sortable
    for field in sortable:
        upwards = ids_of(record, ListState(record, sort=field.name), owner)
        downwards = ids_of(record, ListState(record, sort=f"-{field.name}"), owner)
        assert set(upwards) == set(rows), field.name
        assert upwards == downwards[::-1], field.name
        values = [getattr(rows[pk], field.orders_by) for pk in upwards]
        assert values == sorted(values), field.name


def value_for(field: Field, operator: Operator) -> str:
    if operator.takes == "none":
        return "true"
    if isinstance(field, NumberField):
        return "8"
    if isinstance(field, RelationField):
        return str(uuid7())
    if isinstance(field, ChoiceField):
        return field.choices()[0][0]
    if isinstance(field, MomentField):
        return {"period": "this_year", "days": "30", "moment": "2020-01-01"}[operator.takes]
    return "x@y.example"


def test_each_operator_can_be_asked_for_in_an_address(
    record: Record, organization: Organization, browser: Client
) -> None:
    make(record, organization, 3)
    for field in record.fields:
        for operator in field.operators:
            name = f"{field.name}__{operator.name}"
            answer = browser.get(record.list_url, {name: value_for(field, operator)})
            assert answer.status_code == 200, name
            (condition,) = answer.context["state"].where.parts
            assert condition.field.name == field.name
            assert condition.operator is operator


def test_the_list_takes_few_queries_however_many_rows(
    record: Record, organization: Organization, browser: Client
) -> None:
    counts = []
    for count in (2, 20):
        make(record, organization, count)
        browser.get(record.list_url)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(record.list_url).status_code == 200
        counts.append(len(queries))
    # Each relation looks up what its filter offers.
    relations = sum(isinstance(field, RelationField) for field in record.fields)
    assert counts[0] == counts[1] <= QUERIES_OF_A_PAGE + 2 + relations


def test_each_column_can_be_shown_and_others_are_refused(
    record: Record, organization: Organization, browser: Client
) -> None:
    make(record, organization, 2)
    names = ",".join(field.name for field in reversed(record.fields))
    shown = browser.get(record.list_url, {"columns": names})
    # The one that names the row stays first.
    first = record.columns[0]
    others = [name for name in names.split(",") if name != first]
    assert [field.name for field in shown.context["columns"]] == [first, *others]
    for parameters in ({"columns": "nothing"}, {"sort": "nothing"}, {"nothing__is": "1"}):
        refused = browser.get(record.list_url, parameters)
        assert refused.status_code == 400
        assert refused.context["error"] in refused.content.decode()
        assert refused.context["rows"]
    assert browser.get(record.list_url, {"cursor": "nonsense"}).status_code == 400


def test_without_the_permission_there_is_no_list_page_or_form(
    record: Record, organization: Organization, client: Client, viewer: Membership
) -> None:
    (row,) = make(record, organization, 1)
    client.force_login(viewer.user)
    assert client.get(record.list_url).status_code == 200
    assert record.new_url not in client.get(record.list_url).content.decode()
    assert record.edit_url_of(row) not in client.get(record.url_of(row)).content.decode()
    for url in (record.new_url, record.edit_url_of(row)):
        assert client.get(url).status_code == 403
        assert client.post(url, FORMS[record.slug]).status_code == 403


def test_rows_of_others_are_not_there(
    record: Record,
    organization: Organization,
    stranger_organization: Organization,
    browser: Client,
) -> None:
    (foreign,) = make(record, stranger_organization, 1)
    for url in (record.url_of(foreign), record.edit_url_of(foreign), record.access_url_of(foreign)):
        assert browser.get(url).status_code == 404
        assert browser.post(url, FORMS[record.slug]).status_code in {404, 405}
    assert not browser.get(record.list_url).context["rows"]


def test_a_form_creates_and_changes_what_was_changed_alone(
    record: Record, organization: Organization, browser: Client
) -> None:
    created = browser.post(record.new_url, FORMS[record.slug])
    assert created.status_code == 302
    row: Any = record.model._default_manager.get()
    assert created["Location"] == record.url_of(row)
    for name, value in FORMS[record.slug].items():
        assert getattr(row, name) == value
    page = browser.get(record.url_of(row))
    assert record.title_of(row) in page.content.decode()
    form = browser.get(record.edit_url_of(row)).context["form"]
    mine, theirs = EDITS[record.slug]
    given = {f"initial-{each}": form[each].value() or "" for each in form.fields}
    given |= {each: form[each].value() or "" for each in form.fields}
    given |= {**mine, "_version": str(row.version)}
    # Meanwhile somebody changes another field: both changes stay.
    record.update(by=Membership.objects.get(), pk=row.pk, **theirs)
    conflict = browser.post(record.edit_url_of(row), given)
    assert conflict.status_code == 409
    again = given | {each: conflict.context["form"][each].value() or "" for each in form.fields}
    again["_version"] = str(conflict.context["form"].edited_version)
    again |= {f"initial-{name}": value for name, value in theirs.items()}
    assert browser.post(record.edit_url_of(row), again).status_code == 302
    row.refresh_from_db()
    stored = {name: getattr(row, name) for name in (*mine, *theirs)}
    assert stored == {**mine, **theirs}


def test_rows_that_can_be_deleted_are_deleted_and_come_back(
    record: Record, organization: Organization, owner: Membership
) -> None:
    if DELETE not in record.bulk_actions:
        pytest.skip("Rows of this record are not deleted.")
    make(record, organization, 3)
    chosen = choose(record.visible_to(owner))
    result = run_bulk(by=owner, record=record, action=DELETE, chosen=chosen, values={})
    assert (result.done, record.visible_to(owner).count()) == (3, 0)
    assert result.action_id
    undo(by=owner, action_id=result.action_id)
    assert {row.pk for row in record.visible_to(owner)} == {each.pk for each in chosen}


def test_its_api_creates_once_reads_changes_filters_and_deletes(
    record: Record, organization: Organization, owner: Membership
) -> None:
    path, body, change, where = APIS[record.slug]
    api, key = Api(owner), {"Idempotency_Key": "once"}
    created = api.post(path, body, **key)
    assert created.status_code == 201, created.content
    assert api.post(path, body, **key).json() == created.json()
    (row,) = record.visible_to(owner)
    one = created["Location"]
    got = api.get(one)
    assert got.json() == created.json() | {"id": str(row.pk)}
    assert api.get(path, {"where": json.dumps(where)}).json()["results"] == [created.json()]
    changed = api.patch(one, change, If_Match=got["ETag"])
    assert changed.status_code == 200, changed.content
    assert {name: changed.json()[name] for name in change} == change
    assert api.patch(one, change, If_Match=got["ETag"]).status_code == 412
    assert api.post(path, {**body, "nothing": 1}).json()["code"] == "unknown_field"
    if record.delete:
        assert api.delete(one, If_Match=changed["ETag"]).status_code == 204
        assert api.get(one).status_code == 404


def test_its_api_is_closed_to_others_and_to_who_may_not_write(
    record: Record,
    organization: Organization,
    owner: Membership,
    viewer: Membership,
    stranger: Membership,
) -> None:
    path, body, change, _where = APIS[record.slug]
    (row,) = make(record, organization, 1)
    one = f"{path}/{row.pk}"
    assert Api(stranger).get(one).status_code == 404
    assert Api(stranger).patch(one, change).status_code == 404
    assert Api(stranger).get(path).json()["results"] == []
    assert Api(viewer).get(one).status_code == 200
    assert Api(viewer).patch(one, change).status_code == 403
    assert Api(viewer).post(path, body).status_code == 403
    bulk = {"action": record.bulk_actions[0].key, "ids": [str(row.pk)]}
    assert Api(viewer).post(f"{path}/bulk", bulk).status_code == 403


def test_its_api_does_the_same_to_many(
    record: Record, organization: Organization, owner: Membership
) -> None:
    path, *_rest = APIS[record.slug]
    rows = make(record, organization, 3)
    for action in record.bulk_actions:
        sent: dict[str, Any] = {"action": action.key, "ids": [str(row.pk) for row in rows]}
        if action.field:
            refused = Api(owner).post(f"{path}/bulk", sent)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_field")
            continue
        answer = Api(owner).post(f"{path}/bulk", sent)
        assert answer.status_code == 200, answer.content
        assert answer.json()["done"] + answer.json()["same"] == 3
        assert answer.json()["left_out"] == []
    everything = {"ids": [str(rows[0].pk)], "where": '{"all": []}'}
    for wrong in (
        {},
        {"action": "nothing"},
        {"action": record.bulk_actions[0].key},
        {"action": record.bulk_actions[-1].key, **everything},
    ):
        assert Api(owner).post(f"{path}/bulk", wrong).status_code == 400


@pytest.mark.parametrize("form", list(Format))
def test_all_rows_and_columns_are_exported(
    record: Record, organization: Organization, owner: Membership, form: Format
) -> None:
    rows = make(record, organization, 5)
    state = ListState(record)
    job = finish(start_export(by=owner, state=state, form=form, has_bom=True, all_columns=True))
    assert (job.state, job.result) == ("done", {"rows": len(rows)})
    info, chunks = fetch_file(by=owner, job_id=job.pk)
    content = b"".join(chunks)
    assert info.name.endswith(f".{form}")
    if form == Format.JSONL:
        told = [json.loads(line) for line in content.splitlines()]
        assert {tuple(each) for each in told} == {tuple(field.name for field in record.fields)}
        assert len(told) == len(rows)


@pytest.mark.parametrize("slug", IMPORTED)
def test_what_was_exported_is_imported(
    slug: str, browser: Client, owner: Membership, stranger: Membership
) -> None:
    record = get_record(slug)
    browser.post(record.new_url, FORMS[slug])
    row: Any = record.model._default_manager.get()
    state = ListState(record)
    job = finish(
        start_export(by=owner, state=state, form=Format.CSV, has_bom=True, all_columns=True)
    )
    content = content_of(job)
    assert import_file(owner, record, content) == {"unchanged": 1}
    assert import_file(stranger, record, content) == {"created": 1}
    copy = record.visible_to(stranger).get()
    assert record.form_values_of(copy) == record.form_values_of(row)


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_list_page_and_form_speak_each_language(
    record: Record, organization: Organization, browser: Client, language: str
) -> None:
    (row,) = make(record, organization, 1)
    with translation.override(language):
        heading, new = record.label, str(record.new_label)
    headers = {"Accept-Language": language}
    assert heading in browser.get(record.list_url, headers=headers).content.decode()
    assert new in browser.get(record.new_url, headers=headers).content.decode()
    assert heading in browser.get(record.url_of(row), headers=headers).content.decode()


def test_nobody_is_a_customer_without_a_name_or_an_address(owner: Membership) -> None:
    for values in ({}, {"name": "\u202e"}, {"email": "", "phone": " "}):
        with pytest.raises(InvalidField):
            create_customer(by=owner, **values)
    customer = create_customer(by=owner, name="An")
    with pytest.raises(InvalidField):
        update_customer(customer_id=customer.pk, by=owner, name="")


def test_a_phone_number_is_taken_as_everywhere(browser: Client) -> None:
    record = get_record("customers")
    refused = browser.post(record.new_url, FORMS["customers"] | {"phone": "call me"})
    assert refused.status_code == 422
    browser.post(record.new_url, FORMS["customers"] | {"phone": "＋８４ ９０ １２３–４５６７"})
    assert Customer.objects.get().phone == "+84 90 123-4567"
