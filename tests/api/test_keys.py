"""Keys over HTTP: shown once, no more than their maker, gone at once."""

import json
from typing import Any

import pytest
from django.test import Client

from chat.models import Conversation
from crm.authentication.models import ApiKey
from crm.core.jobs.models import Job
from crm.core.models import IdempotentRequest
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.jobs.counting import finish

KEYS = "/api/v1/api-keys"
CUSTOMERS = "/api/v1/customers"


def made(api: Api, *scopes: str) -> dict[str, Any]:
    answer = api.post(KEYS, {"name": "Shop", "scopes": list(scopes)})
    assert answer.status_code == 201
    key: dict[str, Any] = answer.json()
    return key


def ask(key: str, method: str, path: str, body: str = "{}") -> Any:
    return Client().generic(
        method,
        path,
        "" if method == "GET" else body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


def test_a_key_is_shown_once_and_its_answer_is_not_kept(api: Api) -> None:
    body = {"name": "Shop", "scopes": ["inbox:read"]}
    answer = api.post(KEYS, body, Idempotency_Key="k-1")
    shown = answer.json()["key"]
    assert shown.startswith("nf_live_")
    assert answer["Cache-Control"] == "no-store"
    assert shown not in api.get(KEYS).content.decode()
    assert IdempotentRequest.objects.count() == 0


def test_a_key_may_what_its_scopes_say_and_nothing_else(api: Api) -> None:
    key = made(api, "customers:write")["key"]
    created = ask(key, "POST", CUSTOMERS, '{"name": "Minh"}')
    assert created.status_code == 201
    assert ask(key, "GET", created["Location"]).json()["name"] == "Minh"
    for path in ("/api/v1/conversations", "/api/v1/knowledge/faqs", "/api/v1/members", KEYS):
        answer = ask(key, "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    me = ask(key, "GET", "/api/v1/me").json()
    assert (me["user"], me["role"]) == (None, None)
    assert me["rights"]["customers"] == {"read": "all", "write": "all"}
    assert ask(key, "PATCH", "/api/v1/me", '{"name": "Key"}').status_code == 403


def test_nothing_in_the_inbox_is_a_keys_own(api: Api, conversation: Any) -> None:
    key = made(api, "inbox:read")["key"]
    Conversation.objects.filter(pk=conversation.pk).update(status="open")
    lists = "/api/v1/inbox/conversations?status=open&box="
    boxes = {
        box: len(ask(key, "GET", f"{lists}{box}").json()["rows"])
        for box in ("mine", "unassigned", "all")
    }
    counted = ask(key, "GET", "/api/v1/inbox/counts").json()
    assert boxes == {"mine": 0, "unassigned": 1, "all": 1}
    assert {box: counted["counts"][box]["open"] for box in boxes} == boxes


def test_a_key_answers_customers_in_its_own_name(api: Api, conversation: Any) -> None:
    key = made(api, "inbox:write")["key"]
    path = f"/api/v1/conversations/{conversation.pk}/messages"
    answer = ask(key, "POST", path, '{"text": "Hello!"}')
    assert answer.status_code == 201
    sender = answer.json()["data"]["sender"]
    assert (sender["name"], sender["id"]) == ("Shop", f"key:{ApiKey.objects.get().pk}")
    seen = ask(key, "POST", f"/api/v1/streams/{conversation.stream}/seen", '{"seq": 1}')
    assert (seen.status_code, seen.json()["code"]) == (403, "user_required")
    events = ask(key, "GET", f"/api/v1/streams/{conversation.stream}/events")
    assert [event["seq"] for event in events.json()["events"]] == [1, 2]


def test_an_ended_key_opens_nothing_at_once(api: Api) -> None:
    key = made(api, "customers:read")
    assert ask(key["key"], "GET", CUSTOMERS).status_code == 200
    for _time in range(2):
        assert api.send("DELETE", f"{KEYS}/{key['id']}").status_code == 204
    assert ask(key["key"], "GET", CUSTOMERS).status_code == 401


def test_two_secrets_open_a_key_while_it_is_renewed(api: Api) -> None:
    key = made(api, "customers:read")
    second = api.post(f"{KEYS}/{key['id']}/rotate").json()
    assert second["id"] == key["id"]
    for text in (key["key"], second["key"]):
        assert ask(text, "GET", CUSTOMERS).status_code == 200
    assert api.post(f"{KEYS}/{key['id']}/rotate").status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Shop", "scopes": []},
        {"name": "Shop", "scopes": ["everything"]},
        {"name": "Shop", "scopes": ["inbox:read"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "", "scopes": ["inbox:read"]},
        {"name": "Shop", "scopes": ["inbox:read"], "organization": "x"},
    ],
)
def test_a_key_that_cannot_be_is_refused(api: Api, body: Any) -> None:
    assert api.post(KEYS, body).status_code == 400
    assert ApiKey.objects.count() == 0


def test_who_may_not_change_settings_makes_and_sees_no_keys(
    api: Api, agent: Membership, stranger: Membership
) -> None:
    key = made(api, "inbox:read")
    low = Api(agent)
    assert low.get(KEYS).status_code == 403
    assert low.post(KEYS, {"name": "Mine", "scopes": ["inbox:read"]}).status_code == 403
    them = Api(stranger)
    assert them.get(KEYS).json()["results"] == []
    assert them.send("DELETE", f"{KEYS}/{key['id']}").status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_undoes_what_it_did_itself(api: Api) -> None:
    key, other = made(api, "customers:write")["key"], made(api, "customers:write")["key"]
    minh = ask(key, "POST", CUSTOMERS, '{"name": "Minh"}').json()["id"]
    sent = {"action": "language", "language": "ru"}
    at_once = ask(key, "POST", f"{CUSTOMERS}/bulk", json.dumps(sent | {"ids": [minh]})).json()
    undo = f"/api/v1/undo/{at_once['undo_id']}"
    for stranger in (other, api):
        refused = stranger.post(undo) if isinstance(stranger, Api) else ask(stranger, "POST", undo)
        assert (refused.status_code, refused.json()["code"]) == (404, "undo_not_found")
    assert ask(key, "POST", undo).json() == {"done": 1, "left": 0}
    all_of = json.dumps(sent | {"where": '{"all": []}'})
    job = ask(key, "POST", f"{CUSTOMERS}/bulk", all_of)["Location"]
    finish(Job.objects.get())
    assert ask(other, "POST", f"{job}/undo").status_code == 404
    assert api.post(f"{job}/undo").json()["code"] == "job_not_undoable"
    undone = ask(key, "POST", f"{job}/undo")
    assert undone.status_code == 202
    finish(Job.objects.get(pk=undone.json()["id"]))
    assert ask(key, "GET", undone["Location"]).json()["report"]["counts"] == {"done": 1, "left": 0}
    assert ask(key, "GET", f"{CUSTOMERS}/{minh}").json()["language"] == ""
