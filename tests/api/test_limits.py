"""What a client of the API is told of its limits, and where it is held up."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from chat.consumers.long_poll import _counted_viewer
from chat.models import Widget
from crm.authentication.services.api_keys import create_api_key
from crm.core.ratelimit import RateLimitExceeded
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.conftest import PASSWORD
from tests.outages import without_redis

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
    assert (problem["code"], problem["limit"]) == ("rate_limited", "api.user")
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


def test_long_polls_are_counted_like_other_reads(settings: Any, widget: Widget) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"widget_read.visitor": "3/3600"}
    client = Client()
    visit = client.post(
        "/api/v1/widget/sessions", {"site_key": widget.site_key}, content_type="application/json"
    ).json()
    bearer = f"Bearer {visit['visitor_token']}"
    stream = "/api/v1/streams/conversation:0190d3c5-0000-7000-8000-000000000000"
    assert client.get(stream, headers={"Authorization": bearer}).status_code == 404
    for _n in range(2):
        _counted_viewer(HttpRequest(), authorization=bearer, cookie=None)
    with pytest.raises(RateLimitExceeded):
        _counted_viewer(HttpRequest(), authorization=bearer, cookie=None)
    assert client.get(stream, headers={"Authorization": bearer}).status_code == 429


def test_who_tries_tokens_is_held_up(narrow: None, widget: Widget) -> None:
    client = Client()
    statuses = [
        client.post(
            "/api/v1/widget/tickets", headers={"Authorization": f"Bearer nfv_{number:043}"}
        ).status_code
        for number in range(6)
    ]
    assert statuses == [401] * 4 + [429] * 2


def test_a_key_is_counted_for_itself(settings: Any, owner: Membership) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.key": "2/3600"}
    keys = [
        create_api_key(by=owner, name=name, scopes=["inbox:read"], expires_at=None).text
        for name in ("one", "two")
    ]

    def ask(key: str) -> Any:
        return Client().get(ME, headers={"Authorization": f"Bearer {key}"})

    assert ask(keys[0]).status_code == 200
    _counted_viewer(HttpRequest(), authorization=f"Bearer {keys[0]}", cookie=None)
    assert ask(keys[0]).status_code == 429
    assert ask(keys[0]).json()["limit"] == "api.key"
    assert ask(keys[1]).status_code == 200


@pytest.fixture
def redis_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("crm.core.ratelimit.limiter._local_until", 0.0)
    with without_redis():
        yield


def test_without_redis_reads_go_on_and_are_counted_here(
    narrow: None, api: Api, redis_away: None
) -> None:
    answers = [api.get(ME) for _n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert '"api.user";r=2' in answers[0]["RateLimit"]


def test_without_redis_nobody_logs_in(agent: Membership, redis_away: None) -> None:
    body = {"email": agent.user.email, "password": PASSWORD}
    answer = Client().post("/api/v1/auth/tokens", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer["Retry-After"]) >= 1


def test_a_page_of_people_is_no_api_and_counts_nothing(narrow: None, agent: Membership) -> None:
    client = Client()
    client.force_login(agent.user)
    assert "RateLimit" not in client.get("/app/inbox/")
