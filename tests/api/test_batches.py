"""Several messages in one call."""

from typing import Any
from uuid import uuid4

from chat.models import Conversation, Message
from chat.services import close
from crm.organizations.models import Membership
from tests.api.conftest import Api, api

__all__ = ["api"]


def _batch(*texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"client_message_id": f"b-{number}", "content": {"type": "text", "text": text}}
            for number, text in enumerate(texts)
        ]
    }


def _texts(conversation: Conversation) -> list[str]:
    entries = Message.objects.after(conversation.organization_id, conversation.pk, 1)
    return [each.content["text"] for each in entries if "text" in each.content]


def test_batch_is_posted_in_its_order_and_once(api: Api, conversation: Conversation) -> None:
    url = f"/api/v1/streams/{conversation.stream}/messages/batch"
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
    url = f"/api/v1/streams/{conversation.stream}/messages/batch"
    results = api.post(url, _batch("one", "x" * 10_001, "\u200b", "four")).json()["results"]
    codes = [each["refused"] and each["refused"]["code"] for each in results]
    assert codes == [None, "text_too_long", "empty_text", None]
    assert _texts(conversation) == ["one", "four"]


def test_batch_is_refused_as_a_whole_where_no_message_could_be_posted(
    api: Api, conversation: Conversation, owner: Membership
) -> None:
    unknown = api.post(f"/api/v1/streams/conversation:{uuid4()}/messages/batch", _batch("one"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "conversation_not_found")
    url = f"/api/v1/streams/{conversation.stream}/messages/batch"
    bodies: list[Any] = [{"messages": []}, _batch(*["x"] * 21), {"messages": ["x"]}, {}]
    for body in bodies:
        refused = api.post(url, body)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_field"), body
    close(organization_id=conversation.organization_id, conversation_id=conversation.pk, by=owner)
    closed = api.post(url, _batch("one")).json()["results"][0]["refused"]
    assert closed["code"] == "conversation_closed"
    assert _texts(conversation) == []
