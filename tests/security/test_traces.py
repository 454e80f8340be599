"""What a refusal leaves in the log: enough to see an attack, nothing that could be used in one."""

import json
from typing import Any

import httpx
import pytest

from crm.organizations.models import Membership
from tests.chat.clients import cookie_of
from tests.patience import PATIENCE
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def lines_since(server: LiveServer, start: int) -> list[dict[str, Any]]:
    written = server.log.read_text()[start:].splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


def requests_of(lines: list[dict[str, Any]]) -> list[tuple[int, str | None]]:
    return [
        (line["metadata"]["status"], line["user_id"])
        for line in lines
        if line["metadata"].get("action") == "http.request"
    ]


def test_who_was_refused_what_stands_in_the_log(web_server: LiveServer, agent: Membership) -> None:
    start = web_server.log.stat().st_size
    cookie = cookie_of(agent)
    session = {"Cookie": f"sessionid={cookie}"}
    secret = "nf_live_" + "a" * 8 + "_" + "b" * 32 + "_123456"
    with httpx.Client(base_url=web_server.base_url, timeout=PATIENCE) as client:
        # No right; nobody; a key that was made up; not from our page; no such filter; no such host.
        client.get("/app/settings/audit/", headers=session)
        client.get("/api/v1/audit", headers=session)
        client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        client.post("/api/v1/customers", json={}, headers=session)
        client.get("/api/v1/customers?$where=1", headers=session)
        client.get("/login/", headers={"Host": "evil.example"})
    lines = lines_since(web_server, start)
    me = str(agent.user_id)
    told = requests_of(lines)
    assert (told[0], told[1]) == ((403, me), (403, me))
    assert [status for status, _who in told[2:]] == [401, 403, 400, 400]
    text = json.dumps(lines)
    assert secret not in text
    assert cookie not in text
    assert agent.user.email not in text
    assert all(line["timestamp"].endswith("Z") and line["correlation_id"] for line in lines)
