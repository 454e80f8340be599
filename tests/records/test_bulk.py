"""Actions on many rows: what was chosen is done by the record's services, reported, and undone."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connections
from django.test import Client

from crm.core.errors import Forbidden
from crm.core.records import bulk, get_record
from crm.core.records.bulk import (
    MAX_ROWS,
    BulkUnderWay,
    ChosenRow,
    NothingChosen,
    TooManyRows,
    choose,
    run_bulk,
)
from crm.core.records.pages.bulk import ValueField
from crm.core.undo.services import UndoImpossible, undo
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization

pytestmark = pytest.mark.django_db

CUSTOMERS = get_record("customers")
LANGUAGE = next(each for each in CUSTOMERS.bulk_actions if each.key == "language")
LIST = CUSTOMERS.list_url


@pytest.fixture
def people(organization: Organization) -> list[Customer]:
    return [
        Customer.objects.create(
            organization=organization, name=name, stage="customer", language_code="en"
        )
        for name in ("An", "Boris", "Carla")
    ]


def languages() -> dict[str, str]:
    return dict(Customer.objects.values_list("name", "language_code"))


def chosen(*rows: Customer) -> list[ChosenRow]:
    return [ChosenRow(row.pk, row.version) for row in rows]


def to_vietnamese(by: Membership, rows: list[ChosenRow], **options: Any) -> bulk.BulkResult:
    return run_bulk(
        by=by,
        record=CUSTOMERS,
        action=LANGUAGE,
        chosen=rows,
        values={"language_code": "vi"},
        **options,
    )


def test_what_was_changed_meanwhile_or_is_not_theirs_is_left_out_with_a_reason(
    people: list[Customer], owner: Membership, stranger_organization: Organization
) -> None:
    an, boris, carla = people
    foreign = Customer.objects.create(organization=stranger_organization, name="Foreign")
    rows = chosen(an, boris, carla, foreign)
    CUSTOMERS.update(by=owner, pk=boris.pk, name="Boris II")
    result = to_vietnamese(owner, rows)
    assert result.done == 2
    left = {each.title: each.error.code for each in result.left_out}
    assert left == {"Boris II": "edited_meanwhile", "": "customer_not_found"}
    assert languages() == {"An": "vi", "Boris II": "en", "Carla": "vi", "Foreign": ""}


def test_the_whole_action_is_undone_except_where_somebody_went_on(
    people: list[Customer], owner: Membership
) -> None:
    people[0].language_code = "vi"
    people[0].save()
    result = to_vietnamese(owner, choose(Customer.objects.all()))
    assert (result.done, result.same) == (2, 1)
    assert result.action_id
    CUSTOMERS.update(by=owner, pk=people[1].pk, phone="+84 90 123 4567")
    undone = undo(by=owner, action_id=result.action_id)
    assert undone.text == "1 entry restored. 1 entry was changed since, and stays."
    assert languages() == {"An": "vi", "Boris": "vi", "Carla": "en"}
    again = to_vietnamese(owner, choose(Customer.objects.filter(name="Carla")))
    CUSTOMERS.update(by=owner, pk=people[2].pk, name="Carla II")
    assert again.action_id
    with pytest.raises(UndoImpossible):
        undo(by=owner, action_id=again.action_id)


def test_nobody_changes_rows_without_the_permission(
    people: list[Customer], viewer: Membership, client: Client
) -> None:
    with pytest.raises(Forbidden):
        to_vietnamese(viewer, chosen(*people))
    client.force_login(viewer.user)
    assert "record-select" not in client.get(LIST).content.decode()
    for path in ("bulk/", "bulk/run/"):
        given = {"action": "language", "row": f"{people[0].pk}:1", "rows": f"{people[0].pk}:1"}
        assert client.post(f"{LIST}{path}", given).status_code == 403


def test_a_list_is_chosen_whole_up_to_an_end(
    people: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(choose(Customer.objects.all())) == 3
    with pytest.raises(NothingChosen):
        choose(Customer.objects.none())
    monkeypatch.setattr(bulk, "MAX_ROWS", 2)
    with pytest.raises(TooManyRows):
        choose(Customer.objects.all())


def test_all_that_match_are_asked_for_changed_and_reported(
    people: list[Customer], browser: Client
) -> None:
    asked = browser.post(
        f"{LIST}bulk/",
        {
            "action": "language",
            "all": "3",
            "list": "?q=an",
            "state": browser.get(LIST, {"q": "an"}).context["stored_json"],
            "row": "nonsense",
        },
    )
    assert asked.context["count"] == 1
    sent: dict[str, Any] = {
        "action": "language",
        "list": asked.context["list"],
        "rows": asked.context["rows"],
    }
    # Nothing is chosen at first.
    for wrong in ("xx", ""):
        refused = browser.post(f"{LIST}bulk/run/", sent | {"language_code": wrong})
        assert (refused.status_code, languages()["An"]) == (422, "en")
    done = browser.post(f"{LIST}bulk/run/", sent | {"language_code": "ru"})
    assert done["Location"] == f"{LIST}{asked.context['list']}"
    assert "q=an" in done["Location"]
    stale = browser.post(f"{LIST}bulk/run/", sent | {"language_code": "vi"})
    told = [
        str(message)
        for response in (done, stale)
        for message in get_messages(response.wsgi_request)
    ]
    assert told[0] == "1 entry was changed."
    assert told[-1].startswith("1 entry was left out (An): Somebody changed it meanwhile.")
    assert languages() == {"An": "ru", "Boris": "en", "Carla": "en"}
    sent["rows"] = sent["rows"].partition(":")[0]
    browser.post(f"{LIST}bulk/run/", sent | {"language_code": ValueField.CLEAR})
    assert languages()["An"] == ""


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "nothing", "row": "x"},
        {"action": "language"},
        {"action": "language", "row": "x"},
        {"action": "language", "all": "1", "list": "?nothing__is=1"},
        {"action": "language", "all": "1", "state": "nonsense"},
        {"action": "delete", "all": "1"},
    ],
)
def test_what_cannot_be_done_is_refused(
    people: list[Customer], browser: Client, fields: dict[str, str]
) -> None:
    assert browser.post(f"{LIST}bulk/", fields).status_code == 400
    rows = fields.get("row", "")
    assert browser.post(f"{LIST}bulk/run/", fields | {"rows": rows}).status_code == 400
    assert languages() == {"An": "en", "Boris": "en", "Carla": "en"}


@pytest.mark.django_db(transaction=True)
def test_one_change_of_many_runs_at_a_time(people: list[Customer], owner: Membership) -> None:
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            name = f"bulk|{owner.organization_id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        with pytest.raises(BulkUnderWay):
            to_vietnamese(owner, chosen(*people), is_exclusive=True)
        other.rollback()
    finally:
        other.close()
    assert to_vietnamese(owner, chosen(*people), is_exclusive=True).done == 3


def test_as_many_are_asked_for_as_can_be_changed_at_once(
    browser: Client, organization: Organization
) -> None:
    made = Customer.objects.bulk_create(
        Customer(organization=organization, name=f"N{number}", stage="customer")
        for number in range(MAX_ROWS)
    )
    rows = [f"{each.pk.hex}:{each.version}" for each in made]
    asked = browser.post(f"{LIST}bulk/", {"action": "language", "row": rows})
    assert (asked.status_code, asked.context["count"]) == (200, MAX_ROWS)
