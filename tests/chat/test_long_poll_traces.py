"""A long poll passes by Django's middleware; to who looks from outside that makes no difference."""

import json
from typing import Any

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator

from chat.consumers.long_poll import LongPollConsumer
from chat.models import Conversation, Widget
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import cookie_of, visit
from tests.security.hostile import PARAMETERS
from tests.servers import LiveServer

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

GIVEN_ID = "long-poll-4f6c1e0f"
# They tell of the road or of this very answer, not of what a browser may do.
OWN = {
    "content-length",
    "date",
    "x-request-id",
    "vary",
    "allow",
    "cache-control",
    "content-language",
    # What is left grows less with each request.
    "ratelimit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
}


def requests_told(server: LiveServer, correlation_id: str) -> list[dict[str, Any]]:
    """Give the lines that close a request; what else was said on the way is not counted."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line[:1] == "{"]
    return [
        line
        for line in lines
        if line["correlation_id"] == correlation_id
        and line["metadata"].get("action") == "http.request"
    ]


async def count_of(http: httpx.AsyncClient, status: int) -> float:
    """Give how many long polls the server has counted with this status."""
    series = (
        f'nf_http_request_seconds_count{{method="GET",status="{status}",view="chat:long_poll"}}'
    )
    for line in (await http.get("/metrics")).text.splitlines():
        if line.startswith(series):
            return float(line.split()[-1])
    return 0.0


async def test_a_long_poll_is_traced_and_dressed_like_every_request(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, agent)
    path = f"/api/v1/streams/{conversation.stream}/events?after={conversation.last_seq}"
    headers = {"Cookie": f"sessionid={cookie}", "X-Request-ID": GIVEN_ID}
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        before = await count_of(http, 200)
        waited = await http.get(f"{path}&wait=1", headers=headers)
        at_once = await http.get(path, headers={"Cookie": f"sessionid={cookie}"})
        after = await count_of(http, 200)
    assert waited.json() == at_once.json()
    assert waited.headers["X-Request-ID"] == GIVEN_ID
    assert {name: value for name, value in waited.headers.items() if name not in OWN} == {
        name: value for name, value in at_once.headers.items() if name not in OWN
    }
    assert waited.headers["RateLimit"]
    assert "no-store" in waited.headers["Cache-Control"]
    assert waited.headers["X-Frame-Options"] == "DENY"
    assert after == before + 1
    (line,) = requests_told(web_server, GIVEN_ID)
    assert line["correlation_id"] == GIVEN_ID
    assert line["user_id"] == str(agent.user_id)
    told = line["metadata"]
    assert (told["action"], told["view"], told["status"]) == ("http.request", "chat:long_poll", 200)
    assert told["route"] == "api/v1/streams/<str:stream>/events"
    assert {"mongodb", "postgresql"} <= set(told["databases_used"])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "not_authenticated"),
        ({"Authorization": "Bearer nothing"}, 401, "visitor_unknown"),
        ({"Host": "evil.example"}, 400, "unknown_host"),
    ],
)
async def test_a_refused_long_poll_is_traced_too(
    web_server: LiveServer,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    path, given = f"/api/v1/streams/{conversation.stream}/events?wait=1", f"{GIVEN_ID}-{code}"
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        before = await count_of(http, status)
        response = await http.get(
            path, headers=headers | {"X-Correlation-ID": f"{GIVEN_ID}-{code}"}
        )
        after = await count_of(http, status)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["X-Request-ID"] == given
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert after == before + 1
    (line,) = requests_told(web_server, given)
    assert line["metadata"]["status"] == status


async def test_a_harmful_id_is_replaced(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.get(
            "/api/v1/streams/conversation:nothing/events?wait=1",
            headers={**visitor.headers, "X-Request-ID": "<script>"},
        )
    assert response.status_code == 404
    assert len(response.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("kind", [f"a/b; {each}" for each in PARAMETERS[:3]])
async def test_a_header_that_cannot_be_parsed_is_answered(
    web_server: LiveServer, kind: str
) -> None:
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.get("/api/v1/streams/a/events?wait=1", headers={"Content-Type": kind})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert len(response.headers["X-Request-ID"]) == 32
    assert "no-store" in response.headers["Cache-Control"]


async def test_an_answer_that_fails_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise ValueError

    monkeypatch.setattr("chat.consumers.long_poll.dress", fail)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/streams/a/events",
        "query_string": b"wait=1",
        "headers": [(b"host", b"testserver")],
        "url_route": {"kwargs": {"stream": "a"}},
    }
    caller = ApplicationCommunicator(LongPollConsumer.as_asgi(), scope)
    await caller.send_input({"type": "http.request"})
    assert (await caller.receive_output(20))["status"] == 500
    assert (await caller.receive_output(20))["body"] == b""
