"""Widgets over HTTP."""

from typing import Any

import pytest
from django.test import Client

from chat.models import Widget
from chat.services.widgets import MAX_WIDGETS
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api

WIDGETS = "/api/v1/widgets"


def test_widgets_over_the_api(api: Api, organization: Organization) -> None:
    body = {
        "name": "Shop",
        "allowed_domains": ["https://www.shop.example/x", "*.shop.example"],
        "texts": {"vi": {"title": "Cửa\nhàng", "greeting": ""}},
    }
    made = api.post(WIDGETS, body, Idempotency_Key="w-1")
    again = api.post(WIDGETS, body, Idempotency_Key="w-1")
    assert (made.status_code, again.json()) == (201, made.json())
    assert Widget.objects.count() == 1
    found = api.get(made["Location"]).json()
    assert found == made.json()
    assert found["allowed_domains"] == ["shop.example", "*.shop.example"]
    assert found["texts"] == {"vi": {"title": "Cửa hàng"}}
    assert found["site_key"].startswith("nfw_")
    changed = api.patch(made["Location"], {"color": "#1f6f5c"}).json()
    assert (changed["color"], changed["name"]) == ("#1f6f5c", "Shop")
    paused = api.post(f"{made['Location']}/pause")
    assert paused.json()["paused_at"]
    assert api.post(f"{made['Location']}/resume").json()["paused_at"] is None
    assert [each["id"] for each in api.get(WIDGETS).json()["results"]] == [found["id"]]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"allowed_domains": ["shop"]}, "invalid_widget", "allowed_domains"),
        ({"texts": {"de": {"title": "Laden"}}}, "invalid_widget", "texts"),
        ({"texts": {"en": {"tittle": "Shop"}}}, "invalid_widget", "texts"),
        ({"texts": {"en": {"title": "x" * 61}}}, "invalid_widget", "texts"),
        ({"texts": {"en": {"suggestions": "a\nb\nc\nd\ne\nf\ng"}}}, "invalid_widget", "texts"),
        ({"color": "red"}, "invalid_field", "color"),
        ({"position": "top"}, "invalid_field", "position"),
        ({"name": ""}, "invalid_field", "name"),
    ],
)
def test_api_says_which_value_is_wrong(
    api: Api, widget: Widget, body: Any, code: str, field: str
) -> None:
    answer = api.patch(f"{WIDGETS}/{widget.pk}", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert list(answer.json()["errors"]) == [field]


def test_an_organization_has_no_more_widgets_than_it_may(
    api: Api, organization: Organization
) -> None:
    Widget.objects.bulk_create(
        Widget(organization=organization, name=f"W{n}") for n in range(MAX_WIDGETS)
    )
    answer = api.post(WIDGETS, {"name": "One more"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_widgets")


@pytest.mark.parametrize("role", ["agent", "viewer"])
def test_who_may_not_see_settings_sees_no_widgets(
    request: pytest.FixtureRequest, client: Client, widget: Widget, role: str
) -> None:
    member: Membership = request.getfixturevalue(role)
    api = Api(member)
    for answer in (
        api.get(WIDGETS),
        api.get(f"{WIDGETS}/{widget.pk}"),
        api.post(WIDGETS, {"name": "Mine"}),
        api.patch(f"{WIDGETS}/{widget.pk}", {"name": "Mine"}),
        api.post(f"{WIDGETS}/{widget.pk}/pause"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
