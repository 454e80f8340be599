"""Editing and deleting over HTTP, and what other clients hear of it."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from chat.models import Conversation, Message, Widget
from chat.services import post_message, take_over
from chat.services.conversations import agent_sender
from crm.core.executor import run_sync
from crm.core.ids import uuid7
from crm.organizations.models import Membership
from tests.chat.clients import Client, visit
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def url_of(message: Message, stream: str = "") -> str:
    return reverse("chat:stream_message", args=[stream or message.stream, message.message_id])


def edit(browser: Browser, message: Message, text: Any, key: str | None = "e-1") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return browser.patch(
        url_of(message), {"text": text}, content_type="application/json", headers=headers
    )


def as_member(member: Membership) -> Browser:
    browser = Browser()
    browser.force_login(member.user)
    return browser


def answered(conversation: Conversation, agent: Membership, type_: str = "text") -> Message:
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=agent_sender(agent.user),
        content={"type": type_, "text": "For 5 euro."},
        client_message_id="reply",
    )


@pytest.fixture
def reply(conversation: Conversation, agent: Membership) -> Message:
    """An agent's answer: ``seq`` 3."""
    return answered(conversation, agent)


def history(browser: Browser, message: Message) -> list[dict[str, Any]]:
    url = reverse("chat:conversation_messages", args=[message.conversation_id])
    events: list[dict[str, Any]] = browser.get(url).json()["events"]
    return events


def test_an_edit_is_answered_with_its_event_and_stands_in_the_history(
    reply: Message, agent: Membership
) -> None:
    browser = as_member(agent)
    answer = edit(browser, reply, " For 6 euro. ")
    assert answer.status_code == 200
    event = answer.json()
    assert (event["seq"], event["kind"]) == (4, "message.edited")
    assert event["data"]["content"] == {"type": "text", "text": "For 6 euro."}
    assert edit(browser, reply, "For 6 euro.").json() == event
    shown = history(browser, reply)
    assert shown[2]["data"]["content"]["text"] == "For 6 euro."
    assert shown[2]["data"]["edited_at"] == event["data"]["edited_at"]
    assert shown[3] == event


def test_an_edit_made_from_another_text_is_refused_with_the_present_one(
    reply: Message, agent: Membership
) -> None:
    """A page that had lost its connection showed an older text; whoever saves there is told."""
    browser = as_member(agent)

    def edit_from(before: str, text: str, key: str) -> Any:
        return browser.patch(
            url_of(reply),
            {"text": text, "before": before},
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

    first = edit_from("For 5 euro.", "For 6 euro.", "e-1")
    assert first.status_code == 200
    refused = edit_from("For 5 euro.", "For 7 euro.", "e-2")
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "edited_meanwhile")
    assert problem["text"] == history(browser, reply)[2]["data"]["content"]["text"] == "For 6 euro."
    # The same edit sent again is the one that was stored.
    assert edit_from("For 5 euro.", "For 6 euro.", "e-1").json() == first.json()
    assert edit_from("For 6 euro.", "For 7 euro.", "e-3").status_code == 200


def test_a_deletion_is_answered_the_same_each_time_and_leaves_a_tombstone(
    reply: Message, agent: Membership, owner: Membership
) -> None:
    first = as_member(agent).delete(url_of(reply))
    assert (first.status_code, first.json()["kind"]) == (200, "message.deleted")
    again = as_member(owner).delete(url_of(reply))
    assert (again.status_code, again.json()) == (200, first.json())
    tombstone = history(as_member(agent), reply)[2]["data"]
    assert tombstone["content"] == {"type": "text"}
    assert tombstone["deleted_by"]["name"] == "Linh"
    refused = edit(as_member(agent), reply, "Again")
    assert (refused.status_code, refused.json()["code"]) == (409, "message_deleted")


@pytest.mark.parametrize(
    ("text", "key", "status", "code"),
    [
        ("  ", "e-1", 400, "empty_text"),
        ("x" * 10_001, "e-1", 413, "text_too_long"),
        ("a\x00b", "e-1", 400, None),
        (None, "e-1", 400, None),
        ("Fine", None, 400, "idempotency_key_missing"),
        ("Fine", "no spaces", 400, "invalid_client_message_id"),
        ("Fine", "reply", 422, "idempotency_key_reused"),
    ],
)
def test_what_cannot_be_an_edit_is_refused_and_changes_nothing(
    reply: Message, agent: Membership, text: Any, key: str | None, status: int, code: str | None
) -> None:
    refused = edit(as_member(agent), reply, text, key)
    assert refused.status_code == status
    assert code in {None, refused.json()["code"]}
    assert len(history(as_member(agent), reply)) == 3


def test_each_role_is_refused_what_is_not_its_own(
    conversation: Conversation,
    reply: Message,
    colleague: Membership,
    viewer: Membership,
    owner: Membership,
) -> None:
    for member, code in ((colleague, "not_your_message"), (viewer, "read_only")):
        browser = as_member(member)
        for refused in (edit(browser, reply, "Mine now"), browser.delete(url_of(reply))):
            assert (refused.status_code, refused.json()["code"]) == (403, code)
    refused = edit(as_member(owner), reply, "Mine now")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_message")
    assert Browser().delete(url_of(reply)).status_code == 401
    assert len(history(as_member(owner), reply)) == 3


def test_another_organization_finds_nothing(reply: Message, stranger: Membership) -> None:
    browser = as_member(stranger)
    for refused in (edit(browser, reply, "Mine now"), browser.delete(url_of(reply))):
        assert (refused.status_code, refused.json()["code"]) == (404, "conversation_not_found")


def test_an_unknown_message_and_an_event_are_told_apart(reply: Message, agent: Membership) -> None:
    browser = as_member(agent)
    unknown = reverse("chat:stream_message", args=[reply.stream, uuid7()])
    refused = browser.delete(unknown)
    assert (refused.status_code, refused.json()["code"]) == (404, "message_not_found")
    taken = Message.objects.numbered(reply.tenant_id, reply.conversation_id, 2)
    assert taken is not None
    refused = browser.delete(url_of(taken))
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_message")


@pytest.mark.asyncio
async def test_other_clients_hear_of_it_live_and_after_a_reconnect(
    inbox: Client, web_server: LiveServer, widget: Widget, agent: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        stream = (await client.post(None, "m-1"))["stream"]
        head = await run_sync(Conversation.objects.get)
        reply = await run_sync(answered, head, agent)
        browser = await run_sync(as_member, agent)
        await inbox.pull(stream)
        await client.receive("event", seq=3)
        event = (await run_sync(edit, browser, reply, "For 6 euro.")).json()
        assert await inbox.receive("event", seq=4) == event
        told = await client.receive("event", seq=4)
        assert told["kind"] == "message.edited"
        assert told["data"]["content"] == {"type": "text", "text": "For 6 euro."}
        assert told["data"]["sender"] == {"id": "agent", "type": "agent", "name": "Linh"}
    await run_sync(browser.delete, url_of(reply))
    position = {"stream": stream, "epoch": head.epoch, "seq": 3}
    async with visitor.connected(resume=[position]) as client:
        resumed = await client.receive("stream.resumed")
    assert [event["kind"] for event in resumed["events"]] == ["message.edited", "message.deleted"]
    assert "content" not in resumed["events"][0]["data"]


@pytest.mark.asyncio
async def test_a_note_tells_a_visitor_nothing_and_a_visitor_may_do_nothing(
    web_server: LiveServer, widget: Widget, agent: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        await client.post(None, "m-1")
        head = await run_sync(Conversation.objects.get)
        note = await run_sync(answered, head, agent, "note")
        browser = await run_sync(as_member, agent)
        await run_sync(edit, browser, note, "Secret")
        await run_sync(browser.delete, url_of(note))
        for seq in (3, 4, 5):
            told = await client.receive("event", seq=seq)
            assert (told["kind"], told["data"]) == ("conversation.changed", {})
    own = await run_sync(Message.objects.numbered, head.organization_id, head.pk, 1)
    assert own is not None
    stranger = Browser(headers=visitor.headers)
    for refused in (
        await run_sync(edit, stranger, own, "Other words"),
        await run_sync(stranger.delete, url_of(own)),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "amend_forbidden")
