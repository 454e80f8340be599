"""Bad input over HTTP, and what sockets are told of a closed conversation: a code, nothing stored.

What a socket refuses frame by frame stands in test_stream_session.py and test_stream_limits.py.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
import pytest

from chat.models import Conversation, Widget
from chat.services import close
from chat.tickets import TICKET_SECONDS
from crm.core import stores
from crm.core.executor import run_sync
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.chat.clients import Client, as_agent, connected, cookie_of, opened, visit
from tests.servers import LiveServer

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

SESSIONS = "/api/v1/widget/sessions"
FIRST = "/api/v1/streams/new/messages"
HALF = "\ud800"


def stored() -> tuple[int, int, int]:
    """Count customers, conversations and entries of logs."""
    return (
        Customer.objects.count(),
        Conversation.objects.count(),
        stores.mongo_db()["messages"].count_documents({}),
    )


def raw(value: object) -> bytes:
    """Write JSON as a broken program would: halves of surrogate pairs and NUL included."""
    return json.dumps(value).encode()


async def post(
    server: LiveServer, path: str, body: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    given = {"Content-Type": "application/json", **(headers or {})}
    async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as http:
        return await http.post(path, content=body, headers=given)


def told(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json", response.text[:300]
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "invalid_field")),
        (b"{", (400, "invalid_json")),
        (b"[]", (400, "invalid_field")),
        (b'"text"', (400, "invalid_field")),
        (b"\xff\xfe{}", (400, "invalid_json")),
        (b'{"content": NaN}', (400, "invalid_json")),
        (b'{"content": 1e999}', (400, "invalid_json")),
        (b'{"content": ' + b"9" * 5000 + b"}", (400, "invalid_json")),
        (b'{"content": {"type": "text", "text": "a", "text": "b"}}', (400, "invalid_json")),
        (b'{"content": ' + b"[" * 33 + b"]" * 33 + b"}", (400, "invalid_json")),
        (b"[" * 100_000, (400, "invalid_json")),
        (b"[" * 100_000 + b"]" * 100_000, (400, "invalid_json")),
        (b'{"a":' * 100_000, (400, "invalid_json")),
        (raw({}), (400, "invalid_field")),
        (raw({"content": None}), (400, "invalid_field")),
        (raw({"content": "Hi"}), (400, "invalid_content")),
        (raw({"content": []}), (400, "invalid_content")),
        (raw({"content": {"type": "text"}}), (400, "invalid_content")),
        (raw({"content": {"type": "text", "text": 1}}), (400, "invalid_content")),
        (raw({"content": {"type": ["text"], "text": "a"}}), (400, "invalid_content")),
        (raw({"content": {"type": {"$ne": 1}, "text": "a"}}), (400, "invalid_content")),
        (raw({"content": {"type": "text", "text": " \n\t "}}), (400, "empty_text")),
        (raw({"content": {"type": "text", "text": "x" * 10_001}}), (413, "text_too_long")),
        (raw({"content": {"type": "text", "text": "a\x00b"}}), (400, "control_characters")),
        (raw({"content": {"type": "text", "text": "a\x1b[2J"}}), (400, "control_characters")),
        (raw({"content": {"type": "text", "text": HALF}}), (400, "control_characters")),
        (raw({"content": {"type": "note", "text": "psst"}}), (403, "note_forbidden")),
        (raw({"content": {"type": "text", "text": "a", HALF: 1}}), (400, "invalid_content")),
    ],
)
async def test_a_message_over_http_that_cannot_be_used_is_refused_and_not_stored(
    web_server: LiveServer, widget: Widget, body: bytes, expected: tuple[int, str]
) -> None:
    visitor = await visit(web_server, widget.site_key)
    before = await run_sync(stored)
    response = await post(web_server, FIRST, body, {**visitor.headers, "Idempotency-Key": "m-1"})
    assert told(response) == expected
    assert await run_sync(stored) == before


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "x" * 65, "a/b", "{}", "a\tb", "ключ".encode().decode("latin-1")]
)
async def test_a_key_that_cannot_be_one_is_refused(
    web_server: LiveServer, widget: Widget, key: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    before = await run_sync(stored)
    body = raw({"content": {"type": "text", "text": "Hi"}})
    reader, writer = await asyncio.open_connection("127.0.0.1", web_server.port)
    lines = [
        f"POST {FIRST} HTTP/1.1",
        f"Host: 127.0.0.1:{web_server.port}",
        f"Authorization: {visitor.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: {key}",
        "Connection: close",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    head, _, payload = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert json.loads(payload)["code"] in {"idempotency_key_missing", "invalid_client_message_id"}
    assert await run_sync(stored) == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"site_key": None}, (400, "invalid_field")),
        ({"site_key": {"$gt": ""}}, (400, "invalid_field")),
        ({"site_key": "nfw_unknown"}, (404, "widget_not_found")),
        ({"site_key": "a\x00b"}, (400, "invalid_field")),
        ({"site_key": HALF}, (400, "invalid_field")),
        ({"visitor_token": "a\x00b"}, (400, "invalid_field")),
        ({"visitor_token": HALF}, (400, "invalid_field")),
        ({"visitor_token": 5 * "x" * 100}, (400, "invalid_field")),
        ({"language": "a\x00b"}, (400, "invalid_field")),
        ({"parent_origin": "a\x00b"}, (400, "invalid_field")),
        ({"parent_origin": "https://evil.example"}, (403, "origin_not_allowed")),
        ({"parent_origin": "https://shop.example@evil.example"}, (403, "origin_not_allowed")),
        ({"parent_origin": "null"}, (403, "origin_not_allowed")),
        ({"identity": {"id": "1"}}, (400, "identity_malformed")),
        ({"identity": {"email": "nobody"}}, (400, "identity_malformed")),
        ({"identity": {"phone": "call me"}}, (400, "identity_malformed")),
        ({"identity": {"name": HALF}}, (400, "identity_malformed")),
        ({"identity": {"token": HALF}}, (401, "identity_invalid")),
        ({"identity": ["x"]}, (400, "identity_malformed")),
        ({"identity": 5}, (400, "identity_malformed")),
        ({"identity": "nonsense"}, (401, "identity_invalid")),
        ({"identity": {"token": "a\x00b"}}, (401, "identity_invalid")),
        ({"identity": {"name": "x" * 256}}, (400, "identity_malformed")),
    ],
)
async def test_a_session_that_cannot_be_is_refused_and_makes_nobody(
    web_server: LiveServer, widget: Widget, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    body = raw({"site_key": widget.site_key, **change})
    assert told(await post(web_server, SESSIONS, body)) == expected
    assert await run_sync(stored) == (0, 0, 0)


@pytest.mark.parametrize("language", ["", "xx", "vi-VN", "zh_Hant_TW", "💬"])
async def test_a_language_that_we_do_not_speak_is_no_reason_to_refuse(
    web_server: LiveServer, widget: Widget, language: str
) -> None:
    response = await post(
        web_server, SESSIONS, raw({"site_key": widget.site_key, "language": language})
    )
    assert response.status_code == 201
    assert response.json()["settings"]["language"] in {"en", "vi"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/streams/conversation:%00",
        "/api/v1/streams/conversation:%ff",
        "/api/v1/streams/conversation:{}",
        "/api/v1/streams/conversation:00000000-0000-0000-0000-000000000000/events",
        "/api/v1/streams/conversation:nothing/events?wait=1",
        "/api/v1/streams/%00/events?after=0",
        "/api/v1/streams/" + "x" * 3000,
    ],
)
async def test_a_stream_that_cannot_be_is_not_found(
    web_server: LiveServer, widget: Widget, path: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.get(path, headers=visitor.headers)
    assert told(response) == (404, "conversation_not_found")


@pytest.mark.parametrize(
    "query",
    [
        "box=evil",
        "status=open%00",
        "cursor=%00",
        "cursor=AAAA",
        "cursor=%F0%9F%92%AC",
        "cursor=" + "A" * 5000,
        "limit=0",
        "limit=101",
        "limit=1e3",
        "limit=%D9%A1",
        "limit=+5",
        "limit=%2B5",
        "limit=%205",
        "limit=5%0A",
        "limit=1_0",
        "limit=5.0",
        "limit=",
    ],
)
async def test_a_page_of_the_inbox_that_cannot_be_is_refused(
    web_server: LiveServer, agent: Membership, query: str
) -> None:
    cookie = await run_sync(cookie_of, agent)
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.get(
            f"/api/v1/inbox/conversations?{query}", headers={"Cookie": f"sessionid={cookie}"}
        )
    assert told(response) == (400, "invalid_field")


@pytest.mark.parametrize("cookie", ["%00", "x" * 4000, "a\tb", "ü".encode().decode("latin-1")])
async def test_a_cookie_that_is_none_of_ours_is_nobody(
    web_server: LiveServer, widget: Widget, cookie: str
) -> None:
    headers = {b"Cookie": f"sessionid={cookie}".encode("latin-1")}
    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.get("/api/v1/inbox/conversations", headers=headers)
    assert response.status_code in {401, 403}
    assert response.json()["code"] == "not_authenticated"


async def test_a_closed_conversation_refuses_on_both_roads_and_answers_a_retry(
    web_server: LiveServer, widget: Widget, agent: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        await _close(ack["stream"], agent)
        before = await run_sync(stored)
        await _send(client, ack["stream"], "m-2")
        refused = await client.receive("refused")
        assert (refused["code"], refused["client_message_id"]) == ("conversation_closed", "m-2")
        # What was stored before it was closed is acknowledged again, not refused.
        again = await client.post(ack["stream"], "m-1")
        assert (again["seq"], again["message_id"]) == (ack["seq"], ack["message_id"])
    path = f"/api/v1/streams/{ack['stream']}/messages"
    body = raw({"content": {"type": "text", "text": "Hi"}})
    response = await post(web_server, path, body, {**visitor.headers, "Idempotency-Key": "m-3"})
    assert told(response) == (409, "conversation_closed")
    cookie = await run_sync(cookie_of, agent)
    async with connected(web_server, "inbox", options=as_agent(web_server, cookie)) as inbox:
        await _send(inbox, ack["stream"], "a-1")
        assert (await inbox.receive("refused"))["code"] == "conversation_closed"
    assert await run_sync(stored) == before


async def test_an_expired_ticket_opens_nothing(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    ticket = await visitor.ticket()
    await run_sync(_let_time_pass)
    async with opened(web_server, "widget") as client:
        await client.send("hello", protocol=1, ticket=ticket)
        assert await client.closed() == 4401
        assert client.unread[0]["code"] == "ticket_invalid"


async def test_whatever_comes_the_server_goes_on(web_server: LiveServer, widget: Widget) -> None:
    """Bytes that are no HTTP and no WebSocket end their own connection and nothing else."""
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        for garbage in (
            b"\x00" * 1000,
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /api/v1/widget/sessions HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"GET /ws/widget/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ):
            await _throw(web_server, garbage)
        assert (await client.post(ack["stream"], "m-2"))["seq"] == ack["seq"] + 1


async def _throw(server: LiveServer, garbage: bytes) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(garbage)
    with suppress(OSError):
        await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()


async def _send(client: Client, stream: str, identifier: str) -> None:
    await client.send(
        "message.post",
        stream=stream,
        client_message_id=identifier,
        content={"type": "text", "text": "Hi"},
    )


async def _close(stream: str, agent: Membership) -> None:
    await run_sync(
        close,
        organization_id=agent.organization_id,
        conversation_id=UUID(stream.removeprefix("conversation:")),
        by=agent,
    )


def _let_time_pass() -> None:
    """Let the tickets grow old: Redis is told that their seconds are over."""
    for key in stores.redis().scan_iter("ticket:*"):
        assert 0 < stores.redis().ttl(key) <= TICKET_SECONDS
        stores.redis().pexpire(key, 1)
