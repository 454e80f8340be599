"""Rows that a field of another record offers, and boards whose columns are related rows."""

from dataclasses import replace

import pytest
from django.test import Client

from crm.core.errors import InvalidField
from crm.core.ids import uuid7
from crm.core.permissions import Level, Module
from crm.core.records import Board, ListState, RelationField, get_record
from crm.core.records.boards import columns_of, move_card
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.organizations.people import member_with, rights
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db
URL = "/app/customers/options/"


def titles(client: Client, **asked: str) -> list[str]:
    return [each["title"] for each in client.get(URL, asked).json()["results"]]


def test_rows_are_offered_by_their_words_at_most_ten_the_newest_first(
    browser: Client, organization: Organization, stranger_organization: Organization
) -> None:
    for number in range(12):
        Customer.objects.create(
            organization=organization, name=f"Vũ Khánh {number}", email=f"v{number}@shop.example"
        )
    Customer.objects.create(organization=organization, name="Anna")
    Customer.objects.create(organization=stranger_organization, name="Vũ Khánh Foreign")
    assert titles(browser)[:2] == ["Anna", "Vũ Khánh 11"]
    assert titles(browser, q="vu khanh") == [f"Vũ Khánh {number}" for number in range(11, 1, -1)]
    (found,) = browser.get(URL, {"q": "v3@shop"}).json()["results"]
    assert found["detail"] == "v3@shop.example"
    assert titles(browser, id=found["id"]) == ["Vũ Khánh 3"]
    for wrong in ("x", str(uuid7())):
        assert titles(browser, id=wrong) == []
    assert titles(browser, q="nobody") == []


def test_rows_are_offered_to_those_alone_who_may_see_them(
    organization: Organization, owner: Membership
) -> None:
    Customer.objects.create(organization=organization, name="Anna", created_by_id=owner.user_id)
    for level, seen in ((Level.ALL, ["Anna"]), (Level.OWN, [])):
        client = Client()
        client.force_login(
            member_with(organization, level.key, rights(Module.CUSTOMERS, level)).user
        )
        assert titles(client) == seen
    client.force_login(member_with(organization, "No", rights(Module.KNOWLEDGE, Level.ALL)).user)
    assert client.get(URL).status_code == 403


def test_only_a_row_that_is_there_and_seen_is_taken(
    browser: Client, organization: Organization, stranger_organization: Organization
) -> None:
    mine = Customer.objects.create(organization=organization, name="Anna")
    foreign = Customer.objects.create(organization=stranger_organization, name="Bob")
    for wrong in (str(foreign.pk), str(uuid7()), "Anna"):
        answer = browser.post("/app/umbrellas/new/", {"name": "A", "ribs": 8, "lent_to_id": wrong})
        assert answer.status_code == 422
        assert "Choose one of those that are offered." in answer.content.decode()
    given = {"name": "A", "ribs": 8, "color": "black", "currency": "EUR"}
    browser.post("/app/umbrellas/new/", given | {"lent_to_id": str(mine.pk)})
    assert Umbrella.objects.get().lent_to_id == mine.pk
    page = browser.get(f"/app/umbrellas/{Umbrella.objects.get().pk}/edit/").content.decode()
    assert f'value="{mine.pk}"' in page
    assert 'value="Anna"' in page


def test_a_board_has_the_rows_of_a_relation_as_columns(
    organization: Organization, owner: Membership
) -> None:
    umbrellas = get_record("umbrellas")
    relation = RelationField(
        name="lent_to_id", title="display_name", order=("sort_name",), model=Umbrella
    )
    fields = tuple(relation if each.name == relation.name else each for each in umbrellas.fields)
    board = replace(umbrellas, fields=fields, board=Board(field="lent_to_id", total="price"))
    bob, anna = (
        Customer.objects.create(organization=organization, name=name) for name in ("Bob", "Anna")
    )
    row = Umbrella.objects.create(organization=organization, name="A", lent_to=bob, price=1200)
    columns = columns_of(ListState(board), owner)
    assert [(each.label, each.count, each.total) for each in columns] == [
        ("Anna", 0, "€0"),
        ("Bob", 1, "€1,200"),
    ]
    with pytest.raises(InvalidField):
        move_card(by=owner, record=board, pk=row.pk, column=str(uuid7()))
    move_card(by=owner, record=board, pk=row.pk, column=str(anna.pk))
    assert [each.count for each in columns_of(ListState(board), owner)] == [1, 0]
