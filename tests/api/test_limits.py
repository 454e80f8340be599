"""What a client of the API is told of its limits, and where it is held up."""

import re
import time
from typing import Any

import pytest
from django.test import Client

from chat.models import Widget
from crm.accounts.models import Membership
from tests.api.conftest import Api

ME = "/api/v1/me"
POLICY = re.compile(r'"[a-z_.]+";q=\d+;w=\d+(, "[a-z_.]+";q=\d+;w=\d+)*')
STANDING = re.compile(r'"[a-z_.]+";r=\d+;t=\d+(, "[a-z_.]+";r=\d+;t=\d+)*')


@pytest.fixture
def narrow(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {
        "api.user": "3/3600",
        "api_refused.address": "4/3600",
        "widget_session.address": "2/3600",
    }


def test_every_answer_tells_how_one_stands(narrow: None, api: Api) -> None:
    answer = api.get(ME)
    assert POLICY.fullmatch(answer["RateLimit-Policy"])
    assert STANDING.fullmatch(answer["RateLimit"])
    assert '"api.user";q=3;w=3600' in answer["RateLimit-Policy"]
    assert '"api.user";r=2;t=1200' in answer["RateLimit"]
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("3", "2")
    assert time.time() < int(answer["X-RateLimit-Reset"]) <= time.time() + 1201


def test_too_many_are_refused_with_the_wait(narrow: None, api: Api) -> None:
    assert [api.get(ME).status_code for _n in range(4)] == [200, 200, 200, 429]
    answer = api.get(ME)
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert (problem["code"], problem["limit"]) == ("too_fast", "api.user")
    assert 0 < int(answer["Retry-After"]) <= 1200
    assert problem["retry_after"] == int(answer["Retry-After"])
    assert answer["X-RateLimit-Remaining"] == "0"


def test_another_person_is_not_held_up(narrow: None, api: Api, agent: Membership) -> None:
    for _n in range(4):
        api.get(ME)
    assert Api(agent).get(ME).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"])
def test_a_header_is_no_other_address(narrow: None, widget: Widget, header: str) -> None:
    client, statuses = Client(), []
    for number in range(3):
        answer = client.post(
            "/api/v1/widget/sessions",
            {"site_key": widget.site_key},
            content_type="application/json",
            headers={header: f"198.51.100.{number}"},
        )
        statuses.append(answer.status_code)
    assert statuses == [201, 201, 429]


def test_who_tries_tokens_is_held_up(narrow: None, widget: Widget) -> None:
    client = Client()
    statuses = [
        client.post(
            "/api/v1/widget/tickets", headers={"Authorization": f"Bearer nfv_{number:043}"}
        ).status_code
        for number in range(6)
    ]
    assert statuses == [401] * 4 + [429] * 2


def test_a_page_of_people_is_no_api_and_counts_nothing(narrow: None, agent: Membership) -> None:
    client = Client()
    client.force_login(agent.user)
    assert "RateLimit" not in client.get("/app/inbox/")
