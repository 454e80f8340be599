"""Getting into a socket and out of it: tickets, cookies, origins, refusals and close codes."""

import asyncio
import json

import pytest
import websockets
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from chat.events import inbox_group
from chat.models import Conversation, Message, Widget
from chat.tickets import issue_ticket
from crm.core import realtime, stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import (
    Client,
    as_agent,
    at_work,
    calling,
    connected,
    cookie_of,
    opened,
    visit,
)
from tests.servers import LiveServer

HEARTBEAT = 25
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def refusal_and_code(client: Client) -> tuple[str, int]:
    code = await client.closed()
    refused = [frame for frame in client.unread if frame["type"] == "refused"]
    return (refused[0]["code"] if refused else "", code)


async def test_first_message_opens_a_conversation(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    assert visitor.session["conversation"] is None
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        assert await client.events(1) == [1]
    head = await run_sync(Conversation.objects.get)
    assert (ack["stream"], ack["epoch"], ack["seq"]) == (head.stream, head.epoch, 1)
    stored = Message.objects.after(head.organization_id, head.pk, 0)
    assert [message.client_message_id for message in stored] == ["m-1"]


async def test_welcome_tells_what_a_client_must_know(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with opened(web_server, "widget") as client:
        await client.send("hello", protocol=1, ticket=visitor.session["ticket"], resume=[])
        welcome = await client.receive("welcome")
    assert welcome.keys() == {"type", "session", "heartbeat_seconds", "max_frame_bytes"}
    assert (welcome["heartbeat_seconds"], welcome["max_frame_bytes"]) == (25, 65_536)


async def test_a_ticket_opens_one_socket(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    ticket = visitor.session["ticket"]
    async with visitor.connected(ticket=ticket):
        pass
    for wrong in (ticket, "never-issued", None):
        async with opened(web_server, "widget") as client:
            await client.send("hello", protocol=1, ticket=wrong)
            assert await refusal_and_code(client) == ("ticket_invalid", 4401)


async def test_an_agents_ticket_does_not_open_a_visitors_socket(
    web_server: LiveServer, agent: Membership
) -> None:
    ticket = issue_ticket(kind="agent", claims={"membership": str(agent.pk), "session": ""})
    async with opened(web_server, "widget") as client:
        await client.send("hello", protocol=1, ticket=ticket)
        assert await refusal_and_code(client) == ("ticket_invalid", 4401)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "stream.pull", "stream": "conversation:1", "after": 0}, "hello_expected"),
        ({"type": "hello", "protocol": 2, "ticket": "t"}, "unknown_protocol"),
        ({"type": "hello", "ticket": "t"}, "invalid_field"),
        ({"type": "hello", "protocol": 1, "ticket": "t", "mood": 1}, "unknown_field"),
        ({"type": "hello", "protocol": 1, "resume": [{}]}, "invalid_field"),
        ({"type": "hallo"}, "unknown_frame"),
        ([], "invalid_json"),
    ],
)
async def test_a_wrong_first_frame_ends_the_socket(
    web_server: LiveServer, stores_clean: None, first: object, code: str
) -> None:
    async with opened(web_server, "widget") as client:
        await client.socket.send(json.dumps(first))
        assert await refusal_and_code(client) == (code, 4409)


async def test_who_says_nothing_is_closed(web_server: LiveServer, stores_clean: None) -> None:
    async with opened(web_server, "widget") as visitor, opened(web_server, "inbox") as agent:
        ends = await asyncio.gather(visitor.closed(15), agent.closed(15))
    assert ends == [4401, 4409]


async def test_a_second_hello_is_refused_and_the_socket_lives(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        await client.send("hello", protocol=1, ticket="x")
        assert (await client.receive("refused"))["code"] == "hello_expected"
        assert (await client.post(None, "m-1"))["seq"] == 1


async def test_a_session_cookie_opens_the_inbox_only_from_our_own_pages(
    web_server: LiveServer, agent: Membership
) -> None:
    cookie = await run_sync(cookie_of, agent)
    async with connected(web_server, "inbox", options=as_agent(web_server, cookie)) as client:
        frame = await client.receive("presence")
        assert [user["name"] for user in frame["users"]] == ["Linh"]
    port = web_server.port
    for origin in (
        None,
        "null",
        "https://evil.example",
        f"http://127.0.0.1:{port + 1}",
        f"http://127.0.0.1.evil.example:{port}",
        f"http://localhost:{port}",
    ):
        options = as_agent(web_server, cookie, origin)
        async with opened(web_server, "inbox", **options) as client:
            await client.send("hello", protocol=1)
            assert await refusal_and_code(client) == ("origin_forbidden", 4403), origin


async def test_a_message_id_with_another_text_is_refused(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        for stream in (None, ack["stream"]):
            await client.send(
                "message.post",
                stream=stream,
                client_message_id="m-1",
                content={"type": "text", "text": "Bye"},
            )
            refused = await client.receive("refused", client_message_id="m-1")
            assert refused["code"] == "idempotency_key_reused"
        assert (await client.post(ack["stream"], "m-1"))["seq"] == 1


async def test_nobodys_cookie_opens_nothing(web_server: LiveServer, stores_clean: None) -> None:
    for cookie in ("", "made-up", "a" * 4000):
        options = as_agent(web_server, cookie)
        async with opened(web_server, "inbox", **options) as client:
            await client.send("hello", protocol=1)
            assert await refusal_and_code(client) == ("session_expired", 4403)


async def test_an_agent_gets_in_by_a_ticket_without_a_cookie(
    web_server: LiveServer, agent: Membership
) -> None:
    cookie = await run_sync(cookie_of, agent)
    cookies = {"sessionid": cookie, "csrftoken": "c" * 32}
    async with calling(web_server, cookies=cookies) as http:
        forged = await http.post("/api/v1/inbox/tickets")
        reply = await http.post("/api/v1/inbox/tickets", headers={"X-CSRFToken": "c" * 32})
    assert (forged.status_code, reply.status_code) == (403, 201)
    assert reply.json()["websocket_path"] == "/ws/inbox/"
    async with connected(web_server, "inbox", ticket=reply.json()["ticket"]) as client:
        assert (await client.receive("presence"))["users"]


async def test_a_visitors_socket_comes_from_our_own_frame(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    for origin, is_welcome in ((web_server.base_url, True), ("https://shop.example", False)):
        async with opened(web_server, "widget", origin=origin) as client:
            await client.send("hello", protocol=1, ticket=await visitor.ticket())
            if is_welcome:
                assert await client.receive("welcome")
            else:
                assert await refusal_and_code(client) == ("origin_forbidden", 4403)


def log_out(cookie: str) -> None:
    browser = Browser()
    browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    browser.post(reverse("authentication:log_out"))


async def test_logging_out_closes_the_sockets_of_that_log_in(
    web_server: LiveServer, agent: Membership
) -> None:
    first, second = await run_sync(cookie_of, agent), await run_sync(cookie_of, agent)
    async with (
        connected(web_server, "inbox", options=as_agent(web_server, first)) as gone,
        connected(web_server, "inbox", options=as_agent(web_server, second)) as stays,
    ):
        await gone.receive("presence")
        await stays.receive("presence")
        await run_sync(log_out, first)
        assert await refusal_and_code(gone) == ("session_expired", 4403)
        assert await stays.silence() == []
        await run_sync(realtime.close_sockets, user_id=agent.user_id)
        assert await stays.closed() == 4403


async def test_a_member_who_was_deactivated_may_not_open_another_stream(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    async with at_work(web_server, agent) as client:
        await run_sync(Membership.objects.filter(pk=agent.pk).update, is_active=False)
        await client.send("stream.pull", stream=conversation.stream, after=0)
        assert await refusal_and_code(client) == ("session_expired", 4403)


async def test_a_path_without_a_socket_is_refused(
    web_server: LiveServer, stores_clean: None
) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with opened(web_server, "nothing"):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_json"),
        ('{"type": "stream.pull", "stream": "x", "after": NaN}', "invalid_json"),
        ("[" * 30_000, "invalid_json"),
        ('"hello"', "invalid_json"),
        ('{"type": 7}', "unknown_frame"),
        ('{"type": "message.delete"}', "unknown_frame"),
        ('{"type": "stream.pull", "stream": "x", "after": -1}', "invalid_field"),
        ('{"type": "stream.pull", "stream": "x", "after": 1e300}', "invalid_field"),
        ('{"type": "stream.pull", "stream": "x", "after": true}', "invalid_field"),
        ('{"type": "stream.pull", "stream": "x"}', "invalid_field"),
        ('{"type": "stream.pull", "stream": 5, "after": 1}', "invalid_field"),
        ('{"type": "stream.pull", "stream": "x", "after": 1, "to": 2}', "unknown_field"),
        ('{"type": "stream.pull", "stream": "x", "after": 1}', "conversation_not_found"),
        ('{"type": "stream.seen", "stream": "x", "seq": 1}', "conversation_not_found"),
        ('{"type": "typing.start", "stream": "x"}', "conversation_not_found"),
    ],
)
async def test_a_frame_that_cannot_be_used_is_refused_by_code(
    web_server: LiveServer, widget: Widget, text: str, code: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        await client.socket.send(text)
        assert (await client.receive("refused"))["code"] == code
        assert (await client.post(None, "m-1"))["seq"] == 1


POSTED = '{"type": "message.post", "stream": null, "client_message_id": "a", "content": %s}'
HALVES = [
    ('{"type": "HALF"}', "unknown_frame"),
    ('{"type": "typing.start", "HALF": 1, "stream": "x"}', "unknown_field"),
    ('{"type": "typing.start", "stream": "HALF"}', "invalid_field"),
    ('{"type": "stream.pull", "stream": "conversation:HALF", "after": 1}', "invalid_field"),
    ('{"type": "stream.seen", "stream": "HALF", "seq": 1}', "invalid_field"),
    (POSTED.replace("null", '"HALF"') % "{}", "invalid_field"),
    (POSTED.replace('"a"', '"HALF"') % "{}", "invalid_field"),
    (POSTED % '{"HALF": "HALF"}', "invalid_content"),
    (POSTED % '{"type": "HALF", "text": "x"}', "invalid_content"),
    (POSTED % '{"type": "text", "text": "HALF"}', "control_characters"),
]


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff\\ud800", "\\u0000"])
async def test_half_of_a_letter_is_refused_and_the_socket_stays_open(
    web_server: LiveServer, widget: Widget, agent: Membership, half: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    for text, code in HALVES:
        for road in (visitor.connected(), at_work(web_server, agent)):
            async with road as client:
                for _ in range(2):
                    await client.socket.send(text.replace("HALF", half))
                    assert (await client.receive("refused"))["code"] == code, text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"type": "text", "text": ""}, "empty_text"),
        ({"type": "text", "text": "x" * 10_001}, "text_too_long"),
        ({"type": "text", "text": "a\x00b"}, "control_characters"),
        ({"type": "text", "text": "\ud800"}, "control_characters"),
        ({"type": "note", "text": "psst"}, "note_forbidden"),
        ({"type": "event", "text": "x"}, "invalid_content"),
        ({"type": "text", "text": "x", "html": "<b>"}, "invalid_content"),
        ({"$where": "1"}, "invalid_content"),
    ],
)
async def test_a_message_that_cannot_be_used_is_refused_and_not_stored(
    web_server: LiveServer, widget: Widget, content: dict[str, str], code: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        await client.send("message.post", stream=None, client_message_id="m-1", content=content)
        refused = await client.receive("refused")
        assert (refused["code"], refused["client_message_id"]) == (code, "m-1")
    assert await run_sync(Conversation.objects.count) == 0
    assert stores.mongo_db()["messages"].count_documents({}) == 0


async def test_a_frame_that_is_too_large_names_its_message(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        await client.send(
            "message.post",
            stream=None,
            client_message_id="big",
            content={"type": "text", "text": "x" * 70_000},
        )
        refused = await client.receive("refused")
        assert (refused["code"], refused["client_message_id"]) == ("frame_too_large", "big")
        assert (await client.post(None, "m-1"))["seq"] == 1


async def test_bytes_are_refused_and_a_client_that_goes_on_is_closed(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        for _number in range(10):
            await client.socket.send(b"\x00\x01")
        assert await client.closed() == 4409
        codes = [f["code"] for f in client.unread if f["type"] == "refused"]
        assert codes == ["invalid_json"] * 6


async def test_a_strangers_stream_is_one_that_does_not_exist(
    web_server: LiveServer, widget: Widget, conversation: Conversation, stranger: Membership
) -> None:
    other = await visit(web_server, widget.site_key)
    cookie = await run_sync(cookie_of, stranger)
    options = as_agent(web_server, cookie)
    missing = "conversation:00000000-0000-7000-8000-000000000000"
    async with (
        other.connected() as visitor,
        connected(web_server, "inbox", options=options) as foreign,
    ):
        for client in (visitor, foreign):
            answers = [await _everything_about(client, s) for s in (conversation.stream, missing)]
            assert answers[0] == answers[1] == ["conversation_not_found"] * 4
    async with connected(
        web_server,
        "widget",
        ticket=await other.ticket(),
        resume=[{"stream": conversation.stream, "epoch": conversation.epoch, "seq": 0}],
    ) as client:
        assert (await client.receive("refused"))["code"] == "conversation_not_found"
    assert len(Message.objects.after(conversation.organization_id, conversation.pk, 0)) == 1


async def _everything_about(client: Client, stream: str) -> list[str]:
    content = {"type": "text", "text": "Hi"}
    await client.send("stream.pull", stream=stream, after=0)
    await client.send("message.post", stream=stream, client_message_id="x", content=content)
    await client.send("stream.seen", stream=stream, seq=1)
    await client.send("typing.start", stream=stream)
    return [(await client.receive("refused"))["code"] for _number in range(4)]


async def test_a_viewer_reads_and_does_not_write(
    web_server: LiveServer, viewer: Membership, conversation: Conversation
) -> None:
    async with at_work(web_server, viewer) as client:
        assert len((await client.pull(conversation.stream))["events"]) == 1
        await client.send(
            "message.post",
            stream=conversation.stream,
            client_message_id="v-1",
            content={"type": "text", "text": "Hi"},
        )
        assert (await client.receive("refused"))["code"] == "read_only"


async def test_a_refusal_is_worded_in_the_visitors_language(
    web_server: LiveServer, widget: Widget
) -> None:
    texts = {}
    for language in ("en", "vi", "ru"):
        visitor = await visit(web_server, widget.site_key, language=language)
        async with visitor.connected() as client:
            await client.send(
                "message.post",
                stream=None,
                client_message_id="m",
                content={"type": "text", "text": " "},
            )
            texts[language] = (await client.receive("refused"))["message"]
    assert len(set(texts.values())) == 3


async def test_whoever_was_welcomed_is_told_what_changes_from_then_on(
    web_server: LiveServer, conversation: Conversation, agent: Membership
) -> None:
    """A row that changes right after the welcome is announced, not left to a heartbeat."""
    row = {"assignee": None, "stream": conversation.stream}
    hint = {"type": "inbox.row", "row": row, "moved_from": []}
    group = inbox_group(agent.organization_id)
    for number in range(10):
        async with at_work(web_server, agent) as client:
            realtime.publish((group, {**hint, "row": {**row, "number": number}}))
            frame = await client.receive("conversation")
            assert frame["row"]["number"] == number


async def test_the_first_heartbeat_comes_soon_and_tells_the_newest_change(
    web_server: LiveServer, conversation: Conversation, agent: Membership
) -> None:
    """What changed between a page's own reading and its welcome is noticed at once."""
    async with at_work(web_server, agent) as client:
        beat = await client.receive_one_of("heartbeat", patience=HEARTBEAT / 2)
    assert beat["inbox"] == conversation.updated_at.isoformat()
