"""What every record of the kit does, asked of each that is registered."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm.core.errors import InvalidField
from crm.core.ids import uuid7
from crm.core.jobs.services import fetch_file
from crm.core.records import DomainField, ListState, OwnerField, Record, get_record
from crm.core.records.bulk import choose, run_bulk
from crm.core.records.choice_fields import ChoiceField, RelationField
from crm.core.records.fields import Field, MomentField, NumberField
from crm.core.records.operators import Operator
from crm.core.records.record import DELETE
from crm.core.records.serializers import member_of
from crm.core.records.undo_values import as_json
from crm.core.records.value_fields import DateField, MoneyField
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.core.undo.services import undo
from crm.customers.models import Customer
from crm.customers.services import create_customer, update_customer
from crm.organizations.models import Membership, Organization
from tests.jobs.counting import content_of, finish
from tests.records.battery import (
    ALL,
    APIS,
    CHOSEN,
    EDITS,
    FORMS,
    IMPORTED,
    QUERIES_OF_A_PAGE,
    ROWS,
    ids_of,
    make,
)
from tests.transfer.files import import_file

pytestmark = pytest.mark.django_db


def test_every_record_has_rows_and_a_form_here() -> None:
    assert set(ROWS) == set(FORMS) == set(EDITS) == set(APIS) == set(CHOSEN) == set(ALL)


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
    if isinstance(field, NumberField | MoneyField):
        return "8"
    if isinstance(field, RelationField):
        return str(uuid7())
    if isinstance(field, DomainField):
        return "shop.example"
    if isinstance(field, ChoiceField):
        return field.choices()[0][0]
    if isinstance(field, MomentField | DateField):
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
    # Each relation looks up what its filter offers, and what the rows show; the bell counts.
    assert counts[0] == counts[1] <= QUERIES_OF_A_PAGE + 3 + 2 * len(record.relations)


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
    owner = Membership.objects.get()
    for name, value in FORMS[record.slug].items():
        field = record.field(name)
        assert field
        assert getattr(row, name) == field.form_field(owner).clean(value)
    page = browser.get(record.url_of(row))
    assert record.title_of(row) in page.content.decode()
    form = browser.get(record.edit_url_of(row)).context["form"]
    mine, theirs = EDITS[record.slug]
    given = {f"initial-{each}": form[each].value() or "" for each in form.fields}
    given |= {each: form[each].value() or "" for each in form.fields}
    given |= {**mine, "_version": str(row.version)}
    # Meanwhile somebody changes another field: both changes stay.
    record.update(by=owner, pk=row.pk, **theirs)
    conflict = browser.post(record.edit_url_of(row), given)
    assert conflict.status_code == 409
    again = given | {each: conflict.context["form"][each].value() or "" for each in form.fields}
    again["_version"] = str(conflict.context["form"].edited_version)
    again |= {f"initial-{name}": value for name, value in theirs.items()}
    assert browser.post(record.edit_url_of(row), again).status_code == 302
    row.refresh_from_db()
    stored = {name: as_json(getattr(row, name)) for name in (*mine, *theirs)}
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
        members = tuple(member_of(record, field) for field in record.fields)
        assert {tuple(each) for each in told} == {members}
        assert len(told) == len(rows)


@pytest.mark.parametrize("slug", IMPORTED)
def test_what_was_exported_is_imported(
    slug: str, browser: Client, owner: Membership, stranger: Membership
) -> None:
    record = get_record(slug)
    browser.post(record.new_url, FORMS[slug])
    state = ListState(record)
    job = finish(
        start_export(by=owner, state=state, form=Format.CSV, has_bom=True, all_columns=True)
    )
    content = content_of(job)
    assert import_file(owner, record, content) == {"unchanged": 1}
    assert import_file(stranger, record, content) == {"created": 1}
    # Whose rows name no owner are the importer's.
    shown = [
        {
            name: field.exported(each)
            for name in record.form
            if (field := record.field(name)) and not isinstance(field, OwnerField)
        }
        for each in (record.visible_to(stranger).get(), record.visible_to(owner).get())
    ]
    assert shown[0] == shown[1]


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
    blank: list[dict[str, Any]] = [{}, {"name": "\u202e"}, {"email": "", "phone": " "}]
    for values in blank:
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


def test_no_field_of_its_forms_is_filled_by_the_browser_alone(
    record: Record, organization: Organization, browser: Client
) -> None:
    """After Back, chosen values would stand beside texts that are gone."""
    (row,) = make(record, organization, 1)
    for address in (record.new_url, record.edit_url_of(row)):
        text = browser.get(address).content.decode()
        (form,) = re.findall(r"<form[^>]*data-record-form.*?</form>", text, re.S) or [text]
        fields = re.findall(r"<(?:select|textarea|input)\b[^>]*\bid=\"id_[^>]*>", form)
        assert fields
        loose = [each for each in fields if 'autocomplete="off"' not in each]
        assert loose == []
