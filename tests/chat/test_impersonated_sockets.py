"""The inbox's socket of an operator who sees it as somebody else: reads, and ends with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation, ConversationRead
from chat.presence import online
from crm.authentication.models import EndReason, Impersonation, ImpersonationEndReason, UserSession
from crm.authentication.principals import live_logins
from crm.authentication.services.access import end_access
from crm.authentication.services.impersonation import SESSION_KEY, end_impersonation
from crm.authentication.tasks import end_lapsed
from crm.core.admin.site import SEEN_KEY
from crm.core.executor import run_sync
from crm.organizations.models import Membership, User
from tests.chat.clients import Client, as_agent, connected, opened
from tests.chat.test_stream_resume import write
from tests.conftest import PASSWORD
from tests.servers import LiveServer, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

FORBIDDEN = 4403
SEEN = "stream.seen"


def begin(membership: Membership, *, may_change: bool = True) -> Browser:
    root = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    browser = Browser()
    browser.force_login(root)
    address = reverse("admin:organizations_membership_impersonate", args=[membership.pk])
    form = {"reason": "Ticket 4711, list", **({"may_change": "on"} if may_change else {})}
    assert browser.post(address, form).status_code == 302
    return browser


@asynccontextmanager
async def looking(server: LiveServer, browser: Browser) -> AsyncIterator[Client]:
    cookie = browser.cookies["sessionid"].value
    async with connected(server, "inbox", options=as_agent(server, cookie)) as client:
        yield client


async def test_they_see_what_comes_and_say_nothing(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    browser = await run_sync(begin, agent)
    stream = conversation.stream
    async with looking(web_server, browser) as client:
        assert (await client.pull(stream))["to"] == 1
        await run_sync(write, conversation, "a")
        assert await client.events(1) == [2]
        content = {"type": "text", "text": "Hello"}
        for kind in ("text", "note"):
            await client.send(
                "message.post",
                stream=stream,
                client_message_id=f"m-{kind}",
                content={**content, "type": kind},
            )
            assert (await client.receive("refused"))["code"] == "impersonating_read_only"
        await client.send("typing.start", stream=stream)
        assert (await client.receive("refused"))["code"] == "impersonating_read_only"
        await client.send(SEEN, stream=stream, seq=2)
        assert await client.silence() == []
        # They are not there for it: neither colleagues nor visitors see the person at work.
        assert await run_sync(online, agent.organization_id) == []
    head = await run_sync(Conversation.objects.get, pk=conversation.pk)
    assert head.last_seq == 2
    assert not await run_sync(ConversationRead.objects.exists)


@pytest.mark.parametrize("how", ["stop", "operator", "log_out", "revoked", "sweep"])
async def test_the_socket_closes_when_it_ends(
    web_server: LiveServer, agent: Membership, how: str
) -> None:
    browser = await run_sync(begin, agent)
    async with looking(web_server, browser) as client:
        await run_sync(_end, browser, how)
        assert await client.closed() == FORBIDDEN
    # And nobody comes in that way again.
    impersonation = await run_sync(Impersonation.objects.get)
    assert impersonation.ended_at is not None


def _end(browser: Browser, how: str) -> None:
    impersonation = Impersonation.objects.get()
    match how:
        case "stop":
            browser.post(reverse("authentication:stop_impersonation"))
        case "operator":
            end_impersonation(impersonation=impersonation, because=ImpersonationEndReason.STOPPED)
        case "log_out":
            browser.post(reverse("authentication:log_out"))
        case "revoked":
            end_access(user_id=impersonation.operator_id, because=EndReason.REVOKED)
        case "sweep":
            Impersonation.objects.update(ends_at=timezone.now())
            end_lapsed()


def _age(browser: Browser) -> None:
    session = browser.session
    session[SEEN_KEY] = 1
    session.save()


async def test_who_was_idle_opens_no_socket_and_waits_for_nothing(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    browser = await run_sync(begin, agent)
    address = f"{web_server.base_url}/api/v1/streams/{conversation.stream}/events?wait=1"
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    async with httpx.AsyncClient(cookies=cookies) as client:
        assert (await client.get(address)).status_code == 200
        await run_sync(_age, browser)
        assert (await client.get(address)).status_code == 401
    cookie = browser.cookies["sessionid"].value
    async with opened(web_server, "inbox", **as_agent(web_server, cookie)) as socket:
        await socket.send("hello", protocol=1)
        assert await socket.closed() == FORBIDDEN


async def test_an_open_socket_ends_where_its_operator_was_idle(db: None, agent: Membership) -> None:
    await run_sync(begin, agent)
    impersonation = await run_sync(Impersonation.objects.get)
    login = str(impersonation.pk)
    assert login in await run_sync(live_logins, [login])
    long_ago = timezone.now() - timedelta(hours=1)
    await run_sync(UserSession.objects.filter(pk=impersonation.login).update, last_used_at=long_ago)
    assert await run_sync(live_logins, [login]) == {}


async def test_a_heartbeat_notices_that_the_time_is_over(
    transactional_db: None, agent: Membership, tmp_path: Path
) -> None:
    browser = await run_sync(begin, agent)
    with serving(tmp_path, CHAT_HEARTBEAT_SECONDS="1") as server:
        async with looking(server, browser) as client:
            await run_sync(Impersonation.objects.update, ends_at=timezone.now())
            assert await client.closed() == FORBIDDEN


async def test_the_persons_own_socket_goes_on(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    browser = await run_sync(begin, agent)
    own = Browser()
    await run_sync(own.force_login, agent.user)
    async with looking(web_server, own) as theirs, looking(web_server, browser) as client:
        await run_sync(_end, browser, "stop")
        assert await client.closed() == FORBIDDEN
        assert (await theirs.pull(conversation.stream))["to"] == 1


async def test_a_ticket_does_not_outlive_it(
    web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    browser = await run_sync(begin, agent)
    page = await run_sync(browser.get, reverse("chat:inbox"))
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    assert page.status_code == 200
    async with httpx.AsyncClient(base_url=web_server.base_url, cookies=cookies) as http:
        headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": web_server.base_url}
        first = (await http.post("/api/v1/inbox/tickets", headers=headers)).json()["ticket"]
        late = (await http.post("/api/v1/inbox/tickets", headers=headers)).json()["ticket"]
    async with connected(web_server, "inbox", ticket=first) as client:
        await client.send(
            "message.post",
            stream=conversation.stream,
            client_message_id="m-1",
            content={"type": "text", "text": "Hello"},
        )
        assert (await client.receive("refused"))["code"] == "impersonating_read_only"
        await run_sync(_end, browser, "stop")
        assert await client.closed() == FORBIDDEN
    async with opened(web_server, "inbox") as client:
        await client.send("hello", protocol=1, ticket=late)
        assert await client.closed() == FORBIDDEN


async def test_a_forged_session_key_opens_nothing(
    web_server: LiveServer, agent: Membership, colleague: Membership
) -> None:
    browser = await run_sync(begin, agent)
    thief = Browser()
    await run_sync(thief.force_login, colleague.user)

    def plant() -> None:
        session = thief.session
        session[SESSION_KEY] = browser.session[SESSION_KEY]
        session.save()

    await run_sync(plant)
    cookie = thief.cookies["sessionid"].value
    async with opened(web_server, "inbox", **as_agent(web_server, cookie)) as client:
        await client.send("hello", protocol=1)
        assert await client.closed() == FORBIDDEN
