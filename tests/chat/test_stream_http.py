"""The stream protocol where sockets are blocked, and the way to a session."""

import asyncio
from typing import Any

import httpx
import pytest

from chat.models import Conversation, Message, VisitorToken, Widget
from crm.authentication.errors import AccessEnded
from crm.authentication.services.api_keys import create_api_key
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from crm.organizations.services.organizations import deactivate_organization
from tests.chat.clients import PATIENCE, Visitor, calling, cookie_of, visit
from tests.chat.test_stream_resume import write
from tests.servers import LiveServer, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

HI = {"content": {"type": "text", "text": "Hi"}}


def http(server: LiveServer, visitor: Visitor | None = None, **options: Any) -> httpx.AsyncClient:
    if visitor is not None:
        options["headers"] = visitor.headers
    return calling(server, **options)


async def agent_http(server: LiveServer, member: Membership) -> httpx.AsyncClient:
    cookie = await run_sync(cookie_of, member)
    token = "c" * 32
    return http(
        server,
        cookies={"sessionid": cookie, "csrftoken": token},
        headers={"X-CSRFToken": token},
    )


async def opened_by(server: LiveServer, visitor: Visitor) -> dict[str, Any]:
    async with http(server, visitor) as calls:
        reply = await calls.post(
            "/api/v1/streams/new/messages", json=HI, headers={"Idempotency-Key": "m-1"}
        )
    assert reply.status_code == 201
    posted: dict[str, Any] = reply.json()
    return posted


async def test_a_visitor_chats_without_a_socket(
    web_server: LiveServer, widget: Widget, agent: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    assert posted.keys() == {
        "message_id",
        "seq",
        "timestamp",
        "client_message_id",
        "stream",
        "epoch",
    }
    stream = f"/api/v1/streams/{posted['stream']}"
    async with http(web_server, visitor) as calls, await agent_http(web_server, agent) as team:
        assert await opened_by(web_server, visitor) == posted
        waiting = asyncio.create_task(calls.get(f"{stream}/events?after=1&wait=25"))
        await _subscribers(channel_of(posted), 1)
        assert not waiting.done()
        reply = await team.post(f"{stream}/messages", json=HI, headers={"Idempotency-Key": "r-1"})
        # Whoever replies takes over: a line of the log of its own.
        assert (reply.status_code, reply.json()["seq"]) == (201, 3)
        told = (await waiting).json()
        assert (told["from"], told["to"], told["recovered"], told["last_seq"]) == (1, 3, True, 3)
        assert [event["kind"] for event in told["events"]] == [
            "conversation.changed",
            "message.posted",
        ]
        assert told["events"][1]["data"]["sender"]["type"] == "agent"
        seen = await calls.post(f"{stream}/seen", json={"seq": 3})
        assert seen.json() == {"stream": posted["stream"], "seq": 3}
        head = (await calls.get(stream)).json()
        assert (head["last_seq"], head["customer_seen_seq"], head["epoch"]) == (
            3,
            3,
            posted["epoch"],
        )


async def test_a_long_poll_ends_by_itself_and_gives_nothing(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    async with http(web_server, visitor) as calls:
        reply = await calls.get(f"/api/v1/streams/{posted['stream']}/events?after=1&wait=1")
    told = reply.json()
    assert (reply.status_code, told["events"], told["from"], told["to"]) == (200, [], 1, 1)
    assert reply.headers["cache-control"] == "no-store, private"
    assert len(reply.headers["x-request-id"]) == 32


async def test_waiting_requests_hold_no_thread(web_server: LiveServer, widget: Widget) -> None:
    """Far more of them wait than there are threads, and another request is answered meanwhile."""
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    url = f"/api/v1/streams/{posted['stream']}/events?after=1&wait=25"
    limits = httpx.Limits(max_connections=60)
    async with http(web_server, visitor, limits=limits) as calls:
        waiting = [asyncio.create_task(calls.get(url)) for _number in range(40)]
        await asyncio.sleep(1.5)
        reply = await calls.post(
            f"/api/v1/streams/{posted['stream']}/messages",
            json=HI,
            headers={"Idempotency-Key": "m-2"},
        )
        assert reply.json()["seq"] == 2
        answers = await asyncio.gather(*waiting)
    assert [[e["seq"] for e in answer.json()["events"]] for answer in answers] == [[2]] * 40


async def test_a_long_stream_is_read_page_by_page_both_ways(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    await run_sync(write, conversation, *(f"m{number}" for number in range(11)))
    events = f"/api/v1/streams/{conversation.stream}/events"
    async with await agent_http(web_server, agent) as team:
        seen: list[int] = []
        after, last = 0, 1
        while after < last:
            page = (await team.get(events, params={"after": after, "limit": 5})).json()
            seen += [event["seq"] for event in page["events"]]
            after, last = page["to"], page["last_seq"]
        assert seen == list(range(1, 13))
        page = (await team.get(events, params={"before": 4, "limit": 2})).json()
        assert ([event["seq"] for event in page["events"]], page["from"], page["to"]) == (
            [2, 3],
            1,
            3,
        )
        start = (await team.get(events, params={"before": 1})).json()
        assert (start["events"], start["to"]) == ([], 0)
        other = (await team.get(events, params={"epoch": "other", "after": 3, "wait": 5})).json()
        assert (other["recovered"], other["reason"], other["to"]) == (False, "epoch", 12)
        ahead = (await team.get(events, params={"after": 99, "wait": 5})).json()
        assert (ahead["recovered"], ahead["reason"]) == (False, "ahead")


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=%D9%A1",
        "after=%2B5",
        "after=%205",
        "after=1_0",
        "after=9007199254740992",
        "before=%D9%A1",
        "limit=0",
        "limit=301",
        "limit=%F0%9F%84%81",
        "before=5&after=1",
        "what=1",
        "after=1e3",
    ],
)
@pytest.mark.parametrize("wait", ["", "&wait=1"])
async def test_a_question_that_makes_no_sense_is_refused(
    web_server: LiveServer, agent: Membership, conversation: Conversation, query: str, wait: str
) -> None:
    async with await agent_http(web_server, agent) as team:
        reply = await team.get(f"/api/v1/streams/{conversation.stream}/events?{query}{wait}")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_field")
    assert reply.headers["content-type"] == "application/problem+json"


async def test_the_idempotency_key_is_the_client_message_id(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    url = "/api/v1/streams/new/messages"
    async with http(web_server, visitor) as calls:
        refusals = [
            await calls.post(url, json=HI),
            await calls.post(
                url, json=HI | {"client_message_id": "b"}, headers={"Idempotency-Key": "a"}
            ),
            await calls.post(url, json=HI, headers={"Idempotency-Key": "a b"}),
            await calls.post(url, json={}, headers={"Idempotency-Key": "a"}),
            await calls.post(url, json={"content": "Hi"}, headers={"Idempotency-Key": "a"}),
            await calls.post(
                url,
                content=b"{",
                headers={"Idempotency-Key": "a", "Content-Type": "application/json"},
            ),
        ]
        same = await calls.post(
            url, json=HI | {"client_message_id": "a"}, headers={"Idempotency-Key": "a"}
        )
    assert [(reply.status_code, reply.json()["code"]) for reply in refusals] == [
        (400, "idempotency_key_missing"),
        (400, "idempotency_key_differs"),
        (400, "invalid_client_message_id"),
        (400, "invalid_field"),
        (400, "invalid_content"),
        (400, "invalid_json"),
    ]
    assert same.status_code == 201
    assert await run_sync(Conversation.objects.count) == 1


async def test_a_key_with_another_body_is_refused_and_stores_nothing(
    web_server: LiveServer, widget: Widget, agent: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    own = f"/api/v1/streams/{posted['stream']}/messages"
    key = {"Idempotency-Key": "m-1"}
    other = {"content": {"type": "text", "text": "Bye"}}
    async with http(web_server, visitor) as calls, await agent_http(web_server, agent) as team:
        refusals = [
            await calls.post("/api/v1/streams/new/messages", json=other, headers=key),
            await calls.post(own, json=other, headers=key),
            # The same words, but somebody else's.
            await team.post(own, json=HI, headers=key),
        ]
        # Line ends and spaces around are no difference: they are not stored either.
        spaced = {"content": {"type": "text", "text": " Hi\r\n"}}
        assert (await calls.post(own, json=spaced, headers=key)).json() == posted
        head = (await calls.get(f"/api/v1/streams/{posted['stream']}")).json()
    assert [(reply.status_code, reply.json()["code"]) for reply in refusals] == [
        (422, "idempotency_key_reused")
    ] * 3
    assert head["last_seq"] == 1


async def test_the_key_of_a_message_that_was_edited_still_gives_it_back(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    own = f"/api/v1/streams/{conversation.stream}/messages"
    key = {"Idempotency-Key": "r-1"}
    async with await agent_http(web_server, agent) as team:
        posted = (await team.post(own, json=HI, headers=key)).json()
        edited = await team.patch(
            f"{own}/{posted['message_id']}",
            json={"text": "Hello"},
            headers={"Idempotency-Key": "e-1"},
        )
        again = await team.post(own, json=HI, headers=key)
        of_the_edit = await team.post(own, json=HI, headers={"Idempotency-Key": "e-1"})
    assert edited.status_code == 200
    assert (again.status_code, again.json()) == (201, posted)
    assert of_the_edit.json()["code"] == "idempotency_key_reused"


async def test_who_is_nobody_or_a_stranger_sees_nothing(
    web_server: LiveServer,
    widget: Widget,
    conversation: Conversation,
    stranger: Membership,
    viewer: Membership,
) -> None:
    other = await visit(web_server, widget.site_key)
    stream = f"/api/v1/streams/{conversation.stream}"
    key = {"Idempotency-Key": "x-1"}
    unknown = {"Authorization": "Bearer nfv_" + "x" * 43}
    async with http(web_server) as nobody:
        for headers in ({}, unknown):
            codes = {
                (await nobody.get(stream, headers=headers)).status_code,
                (await nobody.get(f"{stream}/events", headers=headers)).status_code,
                (await nobody.get(f"{stream}/events?wait=1", headers=headers)).status_code,
                (await nobody.post(f"{stream}/messages", json=HI, headers=headers)).status_code,
                (await nobody.post(f"{stream}/seen", json={"seq": 1}, headers=headers)).status_code,
            }
            assert codes == {401}
    async with http(web_server, other) as visitor, await agent_http(web_server, stranger) as sam:
        for calls in (visitor, sam):
            replies = [
                await calls.get(stream),
                await calls.get(f"{stream}/events"),
                await calls.get(f"{stream}/events?wait=5"),
                await calls.post(f"{stream}/messages", json=HI, headers=key),
                await calls.post(f"{stream}/seen", json={"seq": 1}),
            ]
            told = {(reply.status_code, reply.json()["code"]) for reply in replies}
            assert told == {(404, "conversation_not_found")}
    async with await agent_http(web_server, viewer) as calls:
        assert (await calls.get(f"{stream}/events")).json()["last_seq"] == 1
        reply = await calls.post(f"{stream}/messages", json=HI, headers=key)
        assert (reply.status_code, reply.json()["code"]) == (403, "read_only")
    stored = await run_sync(Message.objects.after, conversation.organization_id, conversation.pk, 0)
    assert len(stored) == 1


async def test_a_session_post_needs_the_csrf_token(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    cookie = await run_sync(cookie_of, agent)
    async with http(web_server, cookies={"sessionid": cookie}) as calls:
        reply = await calls.post(
            f"/api/v1/streams/{conversation.stream}/messages",
            json=HI,
            headers={"Idempotency-Key": "x"},
        )
    assert reply.status_code == 403


async def test_the_token_is_unguessable_and_stored_hashed(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key, language="vi-VN")
    token = visitor.session["visitor_token"]
    record = await run_sync(VisitorToken.objects.get)
    assert token not in record.token_hash
    assert (len(record.token_hash), len(token)) == (64, 47)
    assert visitor.session["settings"]["language"] == "vi"
    assert visitor.session["ticket_expires_in"] == 30
    assert visitor.session["websocket_path"] == "/ws/widget/"


async def test_an_unknown_token_makes_a_new_visitor(web_server: LiveServer, widget: Widget) -> None:
    for token in ("nfv_" + "x" * 43, "rubbish", "", None):
        visitor = await visit(web_server, widget.site_key, visitor_token=token)
        assert visitor.session["is_new"] is True
        assert visitor.session["visitor_token"] != token
    assert await run_sync(VisitorToken.objects.count) == 4


async def test_a_token_of_one_widget_is_not_one_of_another(
    web_server: LiveServer, widget: Widget, stranger: Membership
) -> None:
    foreign = await run_sync(
        Widget.objects.create, organization=stranger.organization, name="Other"
    )
    visitor = await visit(web_server, widget.site_key)
    token = visitor.session["visitor_token"]
    other = await visit(web_server, foreign.site_key, visitor_token=token)
    assert other.session["is_new"] is True
    assert other.session["customer_id"] != visitor.session["customer_id"]


async def test_a_session_that_may_not_be_is_refused_by_code(
    web_server: LiveServer, widget: Widget
) -> None:
    key = {"site_key": widget.site_key}
    url = "/api/v1/widget/sessions"
    async with http(web_server) as calls:
        replies = [
            await calls.post(url, json={"site_key": "nfw_unknown"}),
            await calls.post(url, json={}),
            await calls.post(url, json=key | {"parent_origin": "https://evil.example"}),
            await calls.post(url, json=key | {"parent_origin": "null"}),
            await calls.post(url, json=key | {"identity": {"jwt": "x"}}),
            await calls.post(url, json=[]),
        ]
        own = await calls.post(url, json=key | {"parent_origin": web_server.base_url})
        allowed = await calls.post(url, json=key | {"parent_origin": "https://shop.example"})
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [
        (404, "widget_not_found"),
        (400, "invalid_field"),
        (403, "origin_not_allowed"),
        (403, "origin_not_allowed"),
        (400, "identity_malformed"),
        (400, "invalid_field"),
    ]
    assert (own.status_code, allowed.status_code) == (201, 201)
    assert (dict(own.cookies), dict(allowed.cookies)) == ({}, {})
    await run_sync(Widget.objects.filter(pk=widget.pk).update, is_active=False)
    async with http(web_server) as calls:
        off = await calls.post(url, json=key)
    assert off.json()["code"] == "widget_not_found"


async def test_a_long_poll_is_answered_when_the_server_goes(
    transactional_db: None, widget: Widget, tmp_path: Any
) -> None:
    with serving(tmp_path) as server:
        visitor = await visit(server, widget.site_key)
        posted = await opened_by(server, visitor)
        async with http(server, visitor) as calls:
            url = f"/api/v1/streams/{posted['stream']}/events?after=1&wait=25"
            waiting = asyncio.create_task(calls.get(url))
            await _subscribers(channel_of(posted), 1)
            server.ask_to_go()
            assert (await waiting).json()["events"] == []
        assert await asyncio.to_thread(server.stop) == 0


async def test_a_key_that_waits_is_refused_when_its_organization_is_switched_off(
    web_server: LiveServer, owner: Membership, conversation: Conversation
) -> None:
    key = await run_sync(create_api_key, by=owner, name="k", scopes=["inbox:read"], expires_at=None)
    url = f"/api/v1/streams/{conversation.stream}/events?after={conversation.last_seq}&wait=25"
    async with http(web_server, headers={"Authorization": f"Bearer {key.text}"}) as calls:
        waiting = asyncio.create_task(calls.get(url))
        await _subscribers(f"*key.{key.key.pk}", 1)
        await run_sync(deactivate_organization, organization_id=owner.organization_id)
        reply = await waiting
    # One that was not woken would have been given the events of nobody when its time was over.
    assert (reply.status_code, reply.json()["code"]) == (AccessEnded.status, AccessEnded.code)


async def test_who_gave_up_waiting_leaves_nothing_behind(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    url = f"/api/v1/streams/{posted['stream']}/events?after=1&wait=25"
    channel = channel_of(posted)
    async with http(web_server, visitor) as calls:
        waiting = asyncio.create_task(calls.get(url))
        await _subscribers(channel, 1)
        waiting.cancel()
    await _subscribers(channel, 0)


def channel_of(posted: dict[str, Any]) -> str:
    return f"*conversation.{posted['stream'].partition(':')[2]}"


async def _subscribers(channel: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(stores.redis().pubsub_channels(channel)) != count:  # noqa: ASYNC110  foreign state
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("query", ["epoch=%F2%8E%B5%84", "%C3%A9=1", "&".join(["a=1"] * 1001)])
async def test_a_long_poll_that_cannot_be_is_refused(
    web_server: LiveServer, widget: Widget, query: str
) -> None:
    visitor = await visit(web_server, widget.site_key)
    posted = await opened_by(web_server, visitor)
    async with http(web_server, visitor) as calls:
        reply = await calls.get(f"/api/v1/streams/{posted['stream']}/events?{query}&wait=1")
    assert reply.status_code in {200, 400}
    assert reply.headers["Content-Type"] in {"application/json", "application/problem+json"}
