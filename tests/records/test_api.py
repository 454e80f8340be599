"""A record's list over HTTP: filter language, orders, search and total are those of the page."""

import json
from typing import Any

import pytest

from crm.core.records import lists
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db

LIST = "/api/v1/customers"


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


@pytest.fixture(autouse=True)
def people(owner: Membership) -> None:
    for name, email in (("Bo", "bo@shop.example"), ("đỗ An", ""), ("Carla", "c@shop.example")):
        Customer.objects.create(
            organization=owner.organization, name=name, email=email, stage="customer"
        )


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["results"]]


def test_a_nested_filter_narrows_the_list_and_is_refused_with_its_field(api: Api) -> None:
    where = {
        "any": [
            {"field": "email", "op": "empty"},
            {"all": [{"field": "name", "op": "is", "value": "Carla"}]},
        ]
    }
    found = api.get(LIST, {"where": json.dumps(where), "ordering": "name"})
    assert names(found) == ["Carla", "đỗ An"]
    unusable: tuple[Any, ...] = ({"field": "organization", "op": "is", "value": "x"}, [], "x")
    for told in unusable:
        refused = api.get(LIST, {"where": json.dumps(told)})
        assert (refused.status_code, refused.json()["code"]) == (400, "filter_invalid")
    assert api.get(LIST, {"where": "{"}).json()["code"] == "filter_invalid"


def test_every_column_of_the_list_sorts_and_pages(api: Api) -> None:
    assert names(api.get(LIST, {"ordering": "name"})) == ["Bo", "Carla", "đỗ An"]
    for ordering in ("-name", "updated_at", "-created_at"):
        whole = names(api.get(LIST, {"ordering": ordering}))
        first = api.get(LIST, {"ordering": ordering, "limit": 2})
        cursor = first.json()["next_cursor"]
        rest = api.get(LIST, {"ordering": ordering, "limit": 2, "cursor": cursor})
        assert names(first) + names(rest) == whole
    assert api.get(LIST, {"ordering": "email"}).status_code == 400


def test_a_cursor_of_the_longest_name_leads_on(api: Api, owner: Membership) -> None:
    for letter in "яඒ😀":
        Customer.objects.create(organization=owner.organization, name=letter * 255)
    for ordering in ("name", "-name"):
        found: list[str] = []
        query = {"ordering": ordering, "limit": "1"}
        while True:
            page = api.get(LIST, query)
            found += names(page)
            if not (cursor := page.json()["next_cursor"]):
                break
            query["cursor"] = cursor
        assert len(set(found)) == len(found) == 6


def test_a_total_is_counted_when_asked_for_up_to_an_end(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "total" not in api.get(LIST).json()
    total = api.get(LIST, {"total": "true", "limit": 1}).json()["total"]
    assert total == {"count": 3, "is_capped": False}
    narrowed = api.get(LIST, {"total": "true", "search": "carla"}).json()["total"]
    assert narrowed == {"count": 1, "is_capped": False}
    monkeypatch.setattr(lists.count_capped, "__defaults__", (2,))
    assert api.get(LIST, {"total": "true"}).json()["total"] == {"count": 2, "is_capped": True}


@pytest.mark.parametrize("most", [0, 1, 2_000])
def test_a_search_is_in_order_whether_or_not_its_ids_come_first(
    api: Api, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(lists, "MAX_SORTED", most)
    for ordering in ("created_at", "-created_at"):
        found = names(api.get(LIST, {"search": "shop.example", "ordering": ordering}))
        wanted = ["Bo", "Carla"]
        assert found == (wanted if ordering == "created_at" else wanted[::-1])
