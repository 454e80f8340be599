"""Several messages in one call."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Conversation, Message, Widget
from chat.services import close
from crm.authentication.services.api_keys import create_api_key
from crm.billing import counters
from crm.billing.metrics import Metric
from crm.core.database.locks import try_lock
from crm.organizations.models import Membership
from tests.api.conftest import Api, api
from tests.patience import PATIENCE

__all__ = ["api"]
ADDRESS = "203.0.113.7"


def _batch(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"client_message_id": f"b-{number}", "content": {"type": "text", "text": text}}
            for number, text in enumerate(texts)
        ]
    }


def _url(conversation: Conversation) -> str:
    return f"/api/v1/streams/{conversation.stream}/messages/batch"


def _texts(conversation: Conversation) -> list[str]:
    entries = Message.objects.after(conversation.organization_id, conversation.pk, 1)
    return [each.content["text"] for each in entries if "text" in each.content]


def _codes(answer: Any) -> list[str | None]:
    return [each["refused"] and each["refused"]["code"] for each in answer.json()["results"]]


class _Visitor:
    """A visitor of an address, who has begun a conversation."""

    def __init__(self, widget: Widget, address: str = ADDRESS) -> None:
        self._client = Client(REMOTE_ADDR=address)
        session = self._post("/api/v1/widget/sessions", {"site_key": widget.site_key}, {})
        self._headers = {"Authorization": f"Bearer {session.json()['visitor_token']}"}
        begun = self._post(
            "/api/v1/streams/new/messages",
            {"content": {"type": "text", "text": "Hello"}},
            self._headers | {"Idempotency-Key": "first"},
        )
        self.conversation = Conversation.objects.get(
            pk=begun.json()["stream"].removeprefix("conversation:")
        )

    def batch(self, *texts: str) -> Any:
        return self._post(_url(self.conversation), _batch(*texts), self._headers)

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        return self._client.post(path, body, content_type="application/json", headers=headers)


def test_batch_is_posted_in_its_order_and_once(api: Api, conversation: Conversation) -> None:
    url = _url(conversation)
    first = api.post(url, _batch("one", "two", "three"))
    assert first.status_code == 200
    posted = [each["posted"] for each in first.json()["results"]]
    assert [each["client_message_id"] for each in posted] == ["b-0", "b-1", "b-2"]
    assert [each["seq"] for each in posted] == sorted(each["seq"] for each in posted)
    assert _texts(conversation) == ["one", "two", "three"]
    assert api.post(url, _batch("one", "two", "three")).json() == first.json()
    assert _texts(conversation) == ["one", "two", "three"]


def test_refused_message_of_a_batch_does_not_stop_the_others(
    api: Api, conversation: Conversation
) -> None:
    answer = api.post(_url(conversation), _batch("one", "x" * 10_001, "\u200b", "four"))
    assert _codes(answer) == [None, "text_too_long", "empty_text", None]
    assert _texts(conversation) == ["one", "four"]


def test_batch_is_refused_as_a_whole_where_no_message_could_be_posted(
    api: Api, conversation: Conversation, owner: Membership
) -> None:
    unknown = api.post(f"/api/v1/streams/conversation:{uuid4()}/messages/batch", _batch("one"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "conversation_not_found")
    url = _url(conversation)
    bodies: list[Any] = [{"messages": []}, _batch(*["x"] * 21), {"messages": ["x"]}, {}]
    for body in bodies:
        refused = api.post(url, body)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_field"), body
    close(organization_id=conversation.organization_id, conversation_id=conversation.pk, by=owner)
    closed = api.post(url, _batch("one")).json()["results"][0]["refused"]
    assert closed["code"] == "conversation_closed"
    assert _texts(conversation) == []


def test_a_batch_with_a_malformed_message_is_refused_whole_and_names_it(
    api: Api, conversation: Conversation
) -> None:
    good = _batch("one", "two")["messages"]
    malformed: list[tuple[Any, str]] = [
        ({**good[1], "more": 1}, "unknown_field"),
        ({"content": good[1]["content"]}, "invalid_field"),
        ({**good[1], "client_message_id": "x" * 65}, "invalid_field"),
        ("x", "invalid_field"),
    ]
    for wrong, code in malformed:
        refused = api.post(_url(conversation), {"messages": [good[0], wrong]})
        assert (refused.status_code, refused.json()["code"]) == (400, code)
        if code == "invalid_field":
            assert list(refused.json()["errors"]["messages"]) == ["1"]
    assert _texts(conversation) == []


def test_batch_takes_one_lock_and_one_transaction(api: Api, conversation: Conversation) -> None:
    api.post(_url(conversation), _batch("zero"))
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert _codes(api.post(_url(conversation), _batch("zero", *"abcdefghi"))) == [None] * 10
    statements = [each["sql"] for each in captured.captured_queries]
    assert len([each for each in statements if "FOR UPDATE" in each]) == 1
    assert _texts(conversation) == ["zero", *"abcdefghi"]


def test_each_message_of_a_batch_counts_as_a_request(
    settings: Any, api: Api, conversation: Conversation
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": "7/3600"}
    first = api.post(_url(conversation), _batch("one", "two", "three"))
    assert first.status_code == 200
    assert first["RateLimit"].count('"api.user"') == 1
    assert '"api.user";r=4;' in first["RateLimit"]
    refused = api.post(_url(conversation), _batch(*"12345"))
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.json()["limit"] == "api.user"
    assert int(refused["Retry-After"]) > 0
    assert _texts(conversation) == ["one", "two", "three"]
    # The refused batch counted as the one request that it was.
    assert '"api.user";r=2;' in api.get("/api/v1/customers")["RateLimit"]


def test_batch_beyond_a_small_rate_takes_all_of_it(
    settings: Any, api: Api, conversation: Conversation
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": "3/3600"}
    allowed = api.post(_url(conversation), _batch(*"12345"))
    assert allowed.status_code == 200
    assert '"api.user";r=0;' in allowed["RateLimit"]
    assert api.post(_url(conversation), _batch("6")).status_code == 429


def test_each_message_of_a_batch_counts_as_an_api_call_of_the_plan(
    owner: Membership, conversation: Conversation
) -> None:
    key = create_api_key(by=owner, name="Shop", scopes=["inbox:write"], expires_at=None).text
    answer = Client().post(
        _url(conversation),
        _batch("one", "two", "three"),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert _codes(answer) == [None] * 3
    counted = counters.read(conversation.organization_id, Metric.API_CALLS)
    assert counted is not None
    assert counted[1] == 3


def test_a_visitors_batch_stops_at_the_first_message_beyond_the_rate(
    settings: Any, widget: Widget
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"widget_post.visitor": "3/3600"}
    visitor = _Visitor(widget)
    # The second message cannot be used, but counts; one is left of three.
    answer = visitor.batch("one", "\u200b", "three", "four")
    assert _codes(answer) == [None, "empty_text", "rate_limited", "rate_limited"]
    refused = [each["refused"] for each in answer.json()["results"][2:]]
    assert refused[0] == refused[1]
    assert refused[0]["retry_after"] > 0
    assert _texts(visitor.conversation) == ["one"]


def test_visitors_of_one_address_have_a_rate_together(settings: Any, widget: Widget) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"widget_post.address": "5/3600"}
    one, other, elsewhere = _Visitor(widget), _Visitor(widget), _Visitor(widget, "203.0.113.8")
    assert _codes(one.batch("one", "two")) == [None, None]
    assert _codes(other.batch("one", "two")) == [None, "rate_limited"]
    assert _codes(elsewhere.batch("one", "two")) == [None, None]


def test_an_id_is_taken_as_it_was_sent_or_refused(api: Api, conversation: Conversation) -> None:
    body = _batch("one", "two")
    body["messages"][0]["client_message_id"] = " sp "
    answer = api.post(_url(conversation), body)
    assert _codes(answer) == ["invalid_client_message_id", None]
    assert [each["client_message_id"] for each in answer.json()["results"]] == [" sp ", "b-1"]
    assert _texts(conversation) == ["two"]
    single = api.post(
        f"/api/v1/streams/{conversation.stream}/messages",
        {"content": {"type": "text", "text": "three"}, "client_message_id": " m "},
        Idempotency_Key="m",
    )
    assert (single.status_code, single.json()["code"]) == (400, "idempotency_key_differs")


def test_the_same_id_twice_in_one_batch_is_one_message(
    api: Api, conversation: Conversation
) -> None:
    body = _batch("one", "one", "two")
    for each in body["messages"]:
        each["client_message_id"] = "b-0"
    assert _codes(api.post(_url(conversation), body)) == [None, None, "idempotency_key_reused"]
    assert _texts(conversation) == ["one"]


@pytest.mark.django_db(transaction=True)
def test_a_sender_has_one_batch_at_a_time_in_a_stream(
    api: Api, agent: Membership, owner: Membership, conversation: Conversation
) -> None:
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert try_lock(f"batch|{conversation.pk}|{owner.actor_id}")
                is_held.set()
                is_over.wait(PATIENCE)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert is_held.wait(PATIENCE)
        refused = api.post(_url(conversation), _batch("one"))
        colleague = Api(agent).post(_url(conversation), _batch("two"))
        is_over.set()
        holding.result(PATIENCE)
    assert (refused.status_code, refused.json()["code"]) == (429, "batch_in_flight")
    assert int(refused["Retry-After"]) == 1
    assert _codes(colleague) == [None]
    assert _codes(api.post(_url(conversation), _batch("two", "three"))) == [None, None]
    assert _texts(conversation) == ["two", "three"]
