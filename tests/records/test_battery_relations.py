"""Related rows that a reader may not see are named to them nowhere, whatever record has them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.permissions import Level, Module
from crm.core.records import (
    ListState,
    OwnerField,
    Record,
    RecordField,
    RelationField,
    get_record,
    parse_json,
    records,
)
from crm.core.records.bulk import ChosenRow, run_bulk
from crm.core.records.choice_fields import hidden
from crm.core.records.serializers import member_of
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.customers.models import Company, Customer
from crm.deals.models import SalesSetting
from crm.organizations.models import Membership, Organization
from knowledge.models import FaqCategory
from tests.api.conftest import Api
from tests.compliance.audits import settle
from tests.jobs.counting import content_of, finish
from tests.organizations.people import member_with, rights
from tests.records.battery import APIS, EDITS, column_keys, make
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db
SECRET = "Zaphod"
# What a service says of a related row that the writer may not see: the same as of none.
UNKNOWN = {"invalid_field", "faq_category_not_found"}
# The related row of each relation.
RELATED: dict[tuple[str, str], Callable[[Organization], Model]] = {
    ("faqs", "category_id"): lambda organization: FaqCategory.objects.create(
        organization=organization, slug="z", name=SECRET
    ),
    ("companies", "parent_id"): lambda organization: Company.objects.create(
        organization=organization, name=SECRET
    ),
    ("customers", "company_id"): lambda organization: Company.objects.create(
        organization=organization, name=SECRET
    ),
    ("deals", "company_id"): lambda organization: Company.objects.create(
        organization=organization, name=SECRET
    ),
    ("deals", "customer_id"): lambda organization: Customer.objects.create(
        organization=organization, name=SECRET
    ),
    ("umbrellas", "lent_to_id"): lambda organization: Customer.objects.create(
        organization=organization, name=SECRET
    ),
}
# Owners are members, whom everybody in the organization may see: `test_battery_owners.py`. Whoever
# sees deals sees pipelines, stages and reasons: `tests/deals/test_pipelines.py`.
RELATIONS = [
    (record, field)
    for record in records()
    for field in record.relations
    if not isinstance(field, OwnerField)
    and not issubclass(field.column.related_model, SalesSetting)  # type: ignore[arg-type]  # a model
]


def test_every_relation_has_a_related_row_here() -> None:
    assert set(RELATED) == {(record.slug, field.name) for record, field in RELATIONS}


@pytest.fixture(params=RELATIONS, ids=lambda pair: f"{pair[0].slug}.{pair[1].name}")
def pair(request: pytest.FixtureRequest) -> tuple[Record, RelationField]:
    record, field = request.param
    return record, field


@pytest.fixture
def related(pair: tuple[Record, RelationField], organization: Organization) -> Any:
    record, field = pair
    return RELATED[record.slug, field.name](organization)


@pytest.fixture
def row(pair: tuple[Record, RelationField], organization: Organization, related: Any) -> Any:
    record, field = pair
    (made,) = make(record, organization, 1)
    setattr(made, field.name, related.pk)
    made.save()
    return made


@pytest.fixture
def hide(
    pair: tuple[Record, RelationField], related: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Take the related row of this relation from every reader's sight, as a role would."""
    model: Any = pair[1].column.related_model
    found = type(model._default_manager.all())
    visible_to = found.visible_to

    def visible(rows: Any, principal: Any) -> Any:
        seen = visible_to(rows, principal)
        return seen.exclude(pk=related.pk) if rows.model is model else seen

    return lambda: monkeypatch.setattr(found, "visible_to", visible)


def pages_of(record: Record, field: RelationField, row: Any) -> dict[str, dict[str, str]]:
    """Return the pages that show a relation's value or offer its rows, with their parameters."""
    columns = ",".join(each.name for each in record.fields)
    found: dict[str, dict[str, str]] = {
        record.list_url: {"columns": columns},
        f"{record.list_url}?": {f"{field.name}__in": str(getattr(row, field.name))},
        record.url_of(row): {},
        record.edit_url_of(row): {},
        # What a form offers by its words is searched for.
        field.options_url or record.new_url: {},
    }
    if record.board:
        found[record.board_url] = {}
    return found


def test_pages_name_a_related_row_to_those_alone_who_may_see_it(
    pair: tuple[Record, RelationField], row: Any, browser: Client, hide: Callable[[], None]
) -> None:
    record, field = pair
    pages = pages_of(record, field, row)
    for url, parameters in pages.items():
        assert SECRET in browser.get(url, parameters).content.decode(), url
    hide()
    for url, parameters in pages.items():
        answer = browser.get(url, parameters)
        text = answer.content.decode()
        assert answer.status_code == 200
        assert SECRET not in text, url
    shown = browser.get(record.list_url, {"columns": f"{record.columns[0]},{field.name}"})
    assert hidden() in shown.content.decode()
    assert hidden() in browser.get(record.url_of(row)).content.decode()
    filtered = browser.get(record.list_url, {f"{field.name}__in": str(getattr(row, field.name))})
    assert not filtered.context["rows"]
    assert hidden() in filtered.context["chips"][0].sentence
    for action in record.bulk_actions:
        chosen = {"action": action.key, "row": str(row.pk)}
        assert SECRET not in browser.post(f"{record.list_url}bulk/", chosen).content.decode()


def test_a_form_leaves_a_hidden_related_row_as_it_is(
    pair: tuple[Record, RelationField], row: Any, browser: Client, hide: Callable[[], None]
) -> None:
    record, field = pair
    if field.name not in record.form:
        pytest.skip("No form has this relation.")
    kept = getattr(row, field.name)
    hide()
    form = browser.get(record.edit_url_of(row)).context["form"]
    if isinstance(field, RecordField):
        assert hidden() in form.fields[field.name].help_text
    else:
        assert ("", hidden()) in form.fields[field.name].choices
    given = {f"initial-{each}": form[each].value() or "" for each in form.fields}
    given |= {each: form[each].value() or "" for each in form.fields}
    given |= {**EDITS[record.slug][0], "_version": str(row.version)}
    assert browser.post(record.edit_url_of(row), given).status_code == 302
    row.refresh_from_db()
    assert getattr(row, field.name) == kept
    name, value = next(iter(EDITS[record.slug][0].items()))
    assert getattr(row, name) == value
    refused = browser.post(record.edit_url_of(row), given | {field.name: str(kept)})
    assert refused.status_code in {409, 422}


def test_the_api_and_exports_say_nothing_of_a_hidden_related_row(
    pair: tuple[Record, RelationField],
    row: Any,
    owner: Membership,
    hide: Callable[[], None],
) -> None:
    record, field = pair
    path, body, change, _where = APIS[record.slug]
    member, kept = member_of(record, field), str(getattr(row, field.name))
    one, api = f"{path}/{row.pk}", Api(owner)
    asked = {"field": field.name, "op": "in", "value": [kept]}
    assert api.get(one).json()[member] == kept
    assert [each["id"] for each in api.get(path, {"where": json.dumps(asked)}).json()["results"]]
    hide()
    answers = [api.get(one), api.patch(one, change)]
    if record.board:
        key = column_keys(record, owner)[0]
        answers.append(api.post(f"{one}/move", {"column": key}))
    for answer in answers:
        assert (answer.status_code, answer.json()[member]) == (200, None), answer.content
    (listed,) = api.get(path).json()["results"]
    assert listed[member] is None
    assert api.get(path, {"where": json.dumps(asked)}).json()["results"] == []
    everything = json.dumps({**asked, "op": "not_in"})
    assert len(api.get(path, {"where": everything}).json()["results"]) == 1
    refused = api.post(path, {**body, member: kept})
    assert refused.json()["code"] in UNKNOWN
    state = ListState(record)
    for form in Format:
        job = start_export(by=owner, state=state, form=form, has_bom=False, all_columns=True)
        content = content_of(finish(job))
        assert SECRET.encode() not in content
        assert kept.encode() not in content
    narrowed = replace(state, where=parse_json(record, asked))
    job = start_export(by=owner, state=narrowed, form=Format.CSV, has_bom=False, all_columns=False)
    assert finish(job).result == {"rows": 0}


def test_imports_and_bulk_actions_take_no_hidden_related_row(
    pair: tuple[Record, RelationField],
    row: Any,
    related: Any,
    owner: Membership,
    hide: Callable[[], None],
) -> None:
    record, field = pair
    assert list(field.look_up(owner, [SECRET])(SECRET, {})) == [related.pk]
    hide()
    assert list(field.look_up(owner, [SECRET])(SECRET, {})) == []
    for action in record.bulk_actions:
        if action.field != field.name:
            continue
        row_ids = [ChosenRow(each.pk) for each in make(record, row.organization, 1)]
        result = run_bulk(
            by=owner,
            record=record,
            action=action,
            chosen=row_ids,
            values={field.name: related.pk},
        )
        assert (result.done, len(result.left_out)) == (0, 1)
        assert result.left_out[0].error.code in UNKNOWN


def test_the_timeline_names_no_hidden_related_row(
    pair: tuple[Record, RelationField],
    row: Any,
    related: Any,
    owner: Membership,
    browser: Client,
    hide: Callable[[], None],
) -> None:
    record, field = pair
    if not record.has_timeline:
        pytest.skip("Without a timeline.")
    record.update(by=owner, pk=row.pk, **{field.name: None})
    record.update(by=owner, pk=row.pk, **{field.name: related.pk})
    settle()
    assert SECRET in browser.get(record.url_of(row)).content.decode()
    hide()
    assert SECRET not in browser.get(record.url_of(row)).content.decode()
    assert (
        SECRET not in Api(owner).get(f"{APIS[record.slug][0]}/{row.pk}/timeline").content.decode()
    )


def test_relations_take_one_query_however_many_rows_show_them(
    pair: tuple[Record, RelationField], organization: Organization, row: Any, owner: Membership
) -> None:
    record, field = pair
    for each in make(record, organization, 12):
        setattr(each, field.name, getattr(row, field.name))
        each.save()
    table = field.column.related_model._meta.db_table  # type: ignore[union-attr]  # a relation
    with CaptureQueriesContext(connection) as queries:
        rows = ListState(record).page(owner).rows
        assert any(field.value_of(each) for each in rows)
    asked = [each["sql"] for each in queries if f'FROM "{table}"' in each["sql"]]
    # Of a relation to rows of the same record, the list itself is another one.
    assert len(asked) == 1 + (field.column.related_model is record.model)


def test_a_row_that_nobody_loaded_for_a_reader_shows_nothing(
    pair: tuple[Record, RelationField], row: Any
) -> None:
    _record, field = pair
    fresh = type(row).objects.get(pk=row.pk)
    assert (field.value_of(fresh), field.exported(fresh), field.initial_of(fresh)) == (
        hidden(),
        "",
        "",
    )


def test_no_list_is_sorted_and_no_board_grouped_by_a_relation() -> None:
    for record, field in RELATIONS:
        assert record.board is None or record.board.field != field.name
        with pytest.raises(ValueError, match="cannot be sorted"):
            replace(field, is_sortable=True)


def test_whom_an_umbrella_is_lent_to_is_asked_of_the_role(
    organization: Organization, client: Client
) -> None:
    record = get_record("umbrellas")
    me = member_with(organization, "Pat", rights(Module.CUSTOMERS, Level.OWN, Level.OWN))
    theirs = Customer.objects.create(organization=organization, name=SECRET)
    mine = Umbrella.objects.create(
        organization=organization, name="Mine", owner=me.user, lent_to=theirs
    )
    client.force_login(me.user)
    pages = pages_of(record, record.relations[0], mine)
    for url, parameters in pages.items():
        answer = client.get(url, parameters)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode(), url
    assert hidden() in client.get(record.list_url).content.decode()
