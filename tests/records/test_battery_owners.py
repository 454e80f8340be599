"""The owner of a row, in every record that has an owner's field."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from crm.core.errors import InvalidField
from crm.core.models import OwnedModel
from crm.core.notifications.models import Notification
from crm.core.permissions import Level, Rights
from crm.core.records import CHANGE_OWNER, ListState, OwnerField, Record, parse_json, records
from crm.core.records.bulk import ChosenRow, run_bulk
from crm.core.records.saved_views import create_view
from crm.organizations.models import Membership, Organization, Role
from crm.organizations.services.members import deactivate_member
from tests.api.conftest import Api
from tests.conftest import make_member
from tests.organizations.people import member_with, rights
from tests.records.battery import APIS, FORMS, make

pytestmark = pytest.mark.django_db
OWNED = [each for each in records() if isinstance(each.field("owner_id"), OwnerField)]


@pytest.fixture(params=OWNED, ids=lambda record: record.slug)
def record(request: pytest.FixtureRequest) -> Record:
    found: Record = request.param
    return found


@pytest.fixture
def row(record: Record, organization: Organization) -> Any:
    return row_of(record, organization, None)


def row_of(record: Record, organization: Organization, owner: Membership | None) -> Any:
    (made,) = make(record, organization, 1)
    made.owner_id = owner.user_id if owner else None
    made.save()
    return made


def found_by(record: Record, reader: Any, op: str, *values: str) -> set[Any]:
    where = parse_json(record, {"field": "owner_id", "op": op, "value": list(values)})
    return {row.pk for row in ListState(record, where).rows(reader)}


def test_every_record_whose_rows_have_an_owner_has_the_field() -> None:
    owned = [each.slug for each in records() if issubclass(each.model, OwnedModel)]
    assert owned == [each.slug for each in OWNED]
    for each in OWNED:
        assert CHANGE_OWNER in each.bulk_actions
        assert "owner_id" in each.form


def test_a_new_row_is_its_makers_unless_another_owner_is_chosen(
    record: Record, owner: Membership, agent: Membership, client: Client
) -> None:
    path, body, *_rest = APIS[record.slug]
    api = Api(owner)
    assert api.post(path, body).json()["owner_id"] == str(owner.user_id)
    given = api.post(path, body | {"owner_id": str(agent.user_id)}).json()
    assert given["owner_id"] == str(agent.user_id)
    assert api.post(path, body | {"owner_id": None}).json()["owner_id"] is None
    told = Notification.objects.filter(user_id=agent.user_id)
    assert [str(each.subject_id) for each in told] == [given["id"]]
    client.force_login(owner.user)
    form = client.get(record.new_url).context["form"]
    assert form["owner_id"].value() == str(owner.user_id)
    assert (str(agent.user_id), "Linh") in form.fields["owner_id"].choices


def test_only_members_who_may_read_the_area_can_be_the_owner(
    record: Record, row: Any, owner: Membership, stranger: Membership
) -> None:
    blind = member_with(owner.organization, "Blind", Rights())
    gone = make_member(owner.organization, "Gone", Role.AGENT)
    deactivate_member(by=owner, membership_id=gone.pk)
    offered = dict(OWNED[0].field("owner_id").choices_for(owner))  # type: ignore[union-attr]
    for other in (blind, gone, stranger):
        assert str(other.user_id) not in offered
        with pytest.raises(InvalidField) as refusal:
            record.update(by=owner, pk=row.pk, owner_id=other.user_id)
        assert refusal.value.extra == {"field": "owner_id"}
    refused = Api(owner).patch(f"{APIS[record.slug][0]}/{row.pk}", {"owner_id": str(blind.user_id)})
    assert (refused.status_code, refused.json()["field"]) == (400, "owner_id")


def test_a_filter_knows_me_and_nobody(
    record: Record, organization: Organization, owner: Membership, agent: Membership
) -> None:
    rows = {who: row_of(record, organization, who).pk for who in (owner, agent, None)}
    assert found_by(record, owner, "in", "me") == {rows[owner]}
    assert found_by(record, agent, "in", "me") == {rows[agent]}
    assert found_by(record, owner, "in", "me", "nobody") == {rows[owner], rows[None]}
    assert found_by(record, owner, "in", str(agent.user_id)) == {rows[agent]}
    assert found_by(record, owner, "not_in", "me") == {rows[agent], rows[None]}
    assert found_by(record, owner, "not_in", "nobody") == {rows[owner], rows[agent]}
    field = record.field("owner_id")
    assert field
    assert [key for key, _label in field.filter_choices(owner)][:2] == ["me", "nobody"]
    where = json.dumps({"field": "owner_id", "op": "in", "value": ["me"]})
    listed = Api(agent).get(APIS[record.slug][0], {"where": where}).json()["results"]
    assert [each["id"] for each in listed] == [str(rows[agent])]


def test_me_stays_me_in_a_shared_view(
    record: Record, organization: Organization, owner: Membership, agent: Membership, client: Client
) -> None:
    row_of(record, organization, owner)
    mine = row_of(record, organization, agent)
    where = parse_json(record, {"field": "owner_id", "op": "in", "value": ["me"]})
    state = ListState(record, where)
    view = create_view(by=owner, state=state, name="Each one's", is_shared=True)
    client.force_login(agent.user)
    page = client.get(record.list_url, {"view": str(view.pk)})
    assert [each.pk for each in page.context["rows"]] == [mine.pk]
    assert page.context["active_filter"] == "Owner is me"


def test_whoever_gives_away_what_they_may_see_alone_is_warned_and_led_to_the_list(
    record: Record, owner: Membership, client: Client
) -> None:
    me = member_with(owner.organization, "Pat", rights(record.area, Level.OWN, Level.OWN))
    row = row_of(record, owner.organization, me)
    client.force_login(me.user)
    page = client.get(record.edit_url_of(row))
    assert "you will no longer see this" in page.content.decode()
    form = page.context["form"]
    given = {f"initial-{each}": form[each].value() or "" for each in form.fields}
    given |= {each: form[each].value() or "" for each in form.fields}
    given |= {"owner_id": str(owner.user_id), "_version": str(row.version)}
    saved = client.post(record.edit_url_of(row), given, follow=True)
    assert saved.redirect_chain == [(record.list_url, 302)]
    assert "you no longer see it" in saved.content.decode()
    new = FORMS[record.slug] | {"owner_id": str(owner.user_id)}
    assert client.post(record.new_url, new)["Location"] == record.list_url
    client.force_login(owner.user)
    assert "you will no longer see this" not in client.get(record.new_url).content.decode()


def test_many_get_another_owner_at_once(
    record: Record, row: Any, owner: Membership, agent: Membership
) -> None:
    values = {"owner_id": agent.user_id}
    chosen = [ChosenRow(row.pk)]
    result = run_bulk(by=owner, record=record, action=CHANGE_OWNER, chosen=chosen, values=values)
    assert result.done == 1
    row.refresh_from_db()
    assert row.owner_id == agent.user_id
    told = Notification.objects.filter(user_id=agent.user_id).values_list("subject_id", flat=True)
    assert list(told) == [row.pk]


def test_owners_who_left_keep_the_name_that_they_had_and_deleted_ones_leave_nobody(
    record: Record, owner: Membership, client: Client
) -> None:
    gone = make_member(owner.organization, "Gone", Role.AGENT)
    row = row_of(record, owner.organization, gone)
    deactivate_member(by=owner, membership_id=gone.pk)
    gone.user.name = "Somewhere else"
    gone.user.save()
    client.force_login(owner.user)
    for url in (record.url_of(row), record.edit_url_of(row)):
        text = client.get(url).content.decode()
        assert "Gone" in text
        assert "Somewhere else" not in text
    assert found_by(record, owner, "in", str(gone.user_id)) == {row.pk}
    version = row.version
    gone.user.delete()
    row.refresh_from_db()
    assert (row.owner_id, row.version) == (None, version + 1)


def test_an_import_names_an_owner_by_address_or_name(
    record: Record, owner: Membership, agent: Membership
) -> None:
    field = record.field("owner_id")
    assert isinstance(field, OwnerField)
    make_member(owner.organization, "Twin", Role.AGENT)
    twin = make_member(owner.organization, "Twin2", Role.AGENT)
    twin.user.name = "Twin"
    twin.user.save()
    names = [agent.user.email.upper(), "LINH", "Twin", "Nobody"]
    find = field.look_up(owner, names)
    counts = [len(find(name, {})) for name in names]
    assert counts == [1, 1, 2, 0]
    assert list(find(names[0], {})) == list(find(names[1], {})) == [agent.user_id]


def test_owners_of_a_list_take_one_query(
    record: Record, organization: Organization, owner: Membership
) -> None:
    for number in range(5):
        row_of(record, organization, make_member(organization, f"M{number}", Role.AGENT))
    field = record.field("owner_id")
    assert field
    with CaptureQueriesContext(connection) as queries, translation.override("en"):
        rows = ListState(record).page(owner).rows
        assert {field.value_of(each) for each in rows} == {f"M{number}" for number in range(5)}
    asked = [each["sql"] for each in queries if 'FROM "organizations_user"' in each["sql"]]
    assert len(asked) == 1
    assert '"password"' not in asked[0]
