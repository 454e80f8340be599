"""The inbox while the connection fails: nothing lost, nothing doubled, nothing stale."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from chat.models import Conversation, Widget
from chat.services import assign, close, escalate, mark_seen_by_customer
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import (
    agent_says,
    await_live,
    customer_says,
    logged_in,
    open_inbox,
    path_of,
    seen_on,
    shown_texts,
    stored_texts,
)
from tests.browser.widget_page import await_truth, hurry
from tests.conftest import make_conversation
from tests.ports import free_port
from tests.servers import serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def opened(organization: Any, widget: Widget, name: str) -> Conversation:
    customer = Customer.objects.create(organization=organization, name=name)
    made = make_conversation(customer, widget, f"first-of-{name}")
    escalate(organization_id=organization.pk, conversation_id=made.pk, reason="asked")
    made.refresh_from_db()
    return made


def await_waiting(page: Page) -> None:
    expect(page.locator("#link-state")).to_contain_text("Connection lost")


def test_after_a_lost_connection_the_page_shows_what_a_reload_shows(
    chromium: Browser,
    tmp_path: Path,
    taken: Conversation,
    agent: Membership,
    colleague: Membership,
    organization: Any,
    widget: Widget,
) -> None:
    stays, leaves, changes = (opened(organization, widget, name) for name in ("Ann", "Bo", "Cy"))
    port = free_port()
    whose = {"organization_id": organization.pk}
    with logged_in(chromium, f"http://127.0.0.1:{port}", agent) as context:
        with serving(tmp_path, port=port) as server:
            page = open_inbox(context, path_of(taken))
            server.kill()
            await_waiting(page)
            # Said where one writes, too: a phone does not show the list beside it.
            page.set_viewport_size({"width": 390, "height": 800})
            expect(page.locator("#composer-link")).to_contain_text("No connection. What you send")
            expect(page.locator("#composer-link")).to_be_visible()
            page.set_viewport_size({"width": 1280, "height": 800})
            # Meanwhile: messages here and there, one closed, one assigned, one new, one read.
            for number in range(40):
                customer_says(taken, f"Missed {number}", f"missed-{number}")
            agent_says(taken, colleague, "I answered this one.", "answered")
            assign(**whose, conversation_id=taken.pk, assignee_id=colleague.user_id, by=agent)
            mark_seen_by_customer(**whose, conversation_id=taken.pk, seq=44)
            customer_says(stays, "More of Ann", "ann")
            close(**whose, conversation_id=leaves.pk, by=colleague)
            assign(
                **whose,
                conversation_id=changes.pk,
                assignee_id=colleague.user_id,
                by=colleague,
            )
            opened(organization, widget, "Di")
        with serving(tmp_path, port=port):
            hurry(page)
            await_live(page)
            expect(page.locator("#composer-link")).to_be_hidden()
            expect(page.locator("#log .bubble-text").last).to_have_text("I answered this one.")
            expect(page.locator("#conversation-sub")).to_have_text("Open · Marco")
            expect(page.locator("#rows .row-item")).to_have_count(4)
            expect(page.locator("#rows .row-item.is-unread, #rows .is-unread")).to_have_count(3)
            expect(page.locator('a[data-box="unassigned"] .box-count')).to_have_text("2")
            live = seen_on(page)
            page.reload()
            await_live(page)
            expect(page.locator("#rows .row-item")).to_have_count(4)
            assert live == seen_on(page)
            assert shown_texts(page) == stored_texts(taken)


NOTHING_IS_KEPT = """
  for (const name of ["localStorage", "indexedDB"]) {
    Object.defineProperty(window, name, {
      get() { throw new DOMException("Access is denied.", "SecurityError"); },
    });
  }
"""


def test_where_nothing_is_kept_a_message_is_sent_from_memory_and_its_line_says_so(
    chromium: Browser, tmp_path: Path, taken: Conversation, agent: Membership
) -> None:
    port = free_port()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    with logged_in(chromium, f"http://127.0.0.1:{port}", agent) as context:
        context.add_init_script(NOTHING_IS_KEPT)
        with serving(tmp_path, port=port) as server:
            page = open_inbox(context, path_of(taken))
            page.on("dialog", stay)
            page.locator("#composer-text").fill("While all is well")
            page.keyboard.press("Enter")
            expect(page.locator("#log .entry[data-mine] .bubble-state")).to_have_text("Sent")
            server.kill()
            await_waiting(page)
            for text in ("Written in the dark", "And one more"):
                page.locator("#composer-text").fill(text)
                page.keyboard.press("Enter")
            unsent = page.locator("#log [data-unsent] .bubble-state")
            expect(unsent).to_have_text(["Not sent yet: keep this page open until it is sent"] * 2)
            # Closing the tab would lose them: the browser asks first.
            page.close(run_before_unload=True)
            page.wait_for_timeout(500)
            assert asked == ["beforeunload"]
        with serving(tmp_path, port=port):
            hurry(page)
            await_live(page)
            expect(page.locator("#log [data-unsent]")).to_have_count(0)
            assert stored_texts(taken) == [
                "Do you ship to Manila?",
                "While all is well",
                "Written in the dark",
                "And one more",
            ]
            assert shown_texts(page) == stored_texts(taken)
            # Nothing is left that leaving would lose.
            page.reload()
            await_live(page)
            assert asked == ["beforeunload"]


def test_unsent_message_survives_a_reload_and_is_stored_once(
    chromium: Browser, tmp_path: Path, taken: Conversation, agent: Membership
) -> None:
    port = free_port()
    with logged_in(chromium, f"http://127.0.0.1:{port}", agent) as context:
        with serving(tmp_path, port=port) as server:
            page = open_inbox(context, path_of(taken))
            server.kill()
            await_waiting(page)
            for text in ("Written in the dark", "And one more"):
                page.locator("#composer-text").fill(text)
                page.keyboard.press("Enter")
            unsent = page.locator("#log [data-unsent]")
            expect(unsent).to_have_count(2)
            expect(unsent.first.locator(".bubble-state")).to_contain_text("Not sent yet")
            assert stored_texts(taken) == ["Do you ship to Manila?"]
        # The tab is thrown away before it could send them.
        page.close()
        with serving(tmp_path, port=port):
            page = open_inbox(context, path_of(taken))
            expect(page.locator("#log [data-unsent]")).to_have_count(0)
            expected = ["Do you ship to Manila?", "Written in the dark", "And one more"]
            expect(page.locator("#log .bubble-text")).to_have_text(expected)
            assert stored_texts(taken) == expected
            page.reload()
            await_live(page)
            assert shown_texts(page) == expected
            assert stored_texts(taken) == expected


def test_answer_that_got_lost_on_the_way_back_is_not_sent_twice(
    chromium: Browser, web_server: Any, taken: Conversation, agent: Membership
) -> None:
    """The server stores the message, but its ack never arrives: the repeat changes nothing."""
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = context.new_page()
        state: dict[str, Any] = {"deaf": False}

        def connect(route: Any) -> None:
            upstream = route.connect_to_server()
            route.on_message(upstream.send)
            upstream.on_message(lambda data: None if state["deaf"] else route.send(data))
            state["route"] = route

        page.route_web_socket("**/ws/inbox/", connect)
        page.goto(path_of(taken))
        await_live(page)
        state["deaf"] = True
        page.locator("#composer-text").fill("Only once")
        page.keyboard.press("Enter")
        expect(page.locator("#log [data-unsent]")).to_contain_text("Sending…")
        await_truth(page, lambda: len(stored_texts(taken)) == 2)
        state["deaf"] = False
        state["route"].close(code=1012)
        await_live(page)
        expect(page.locator("#log [data-unsent]")).to_have_count(0)
        assert shown_texts(page) == ["Do you ship to Manila?", "Only once"]
        assert stored_texts(taken) == ["Do you ship to Manila?", "Only once"]


def test_message_that_is_refused_for_good_says_why_and_can_be_discarded(
    chromium: Browser, web_server: Any, taken: Conversation, agent: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(taken))
        # Closed by somebody else, and this page does not know yet.
        Conversation.objects.filter(pk=taken.pk).update(status="closed")
        page.locator("#composer-text").fill("Too late")
        page.keyboard.press("Enter")
        unsent = page.locator("#log [data-unsent]")
        expect(unsent).to_contain_text("Not sent. This conversation is closed.")
        Conversation.objects.filter(pk=taken.pk).update(status="open")
        unsent.get_by_role("button", name="Try again").click()
        expect(unsent).to_have_count(0)
        assert stored_texts(taken) == ["Do you ship to Manila?", "Too late"]


def test_refused_message_can_be_discarded(
    chromium: Browser, web_server: Any, taken: Conversation, agent: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(taken))
        Conversation.objects.filter(pk=taken.pk).update(status="closed")
        page.locator("#composer-text").fill("Too late")
        page.keyboard.press("Enter")
        unsent = page.locator("#log [data-unsent]")
        unsent.get_by_role("button", name="Discard").click()
        expect(unsent).to_have_count(0)
        page.reload()
        await_live(page)
        expect(page.locator("#log .bubble-text")).to_have_count(1)
        assert stored_texts(taken) == ["Do you ship to Manila?"]


def test_lost_hint_is_noticed_with_the_next_heartbeat(
    chromium: Browser, tmp_path: Path, taken: Conversation, agent: Membership
) -> None:
    """A change that no hint announced, as when Redis was away, still reaches the list."""
    with (
        serving(tmp_path, CHAT_HEARTBEAT_SECONDS="1") as server,
        logged_in(chromium, server.base_url, agent) as context,
    ):
        page = open_inbox(context)
        expect(page.locator("#rows .row-item")).to_have_count(1)
        conversation = Conversation.objects.get(pk=taken.pk)
        conversation.status = "closed"
        conversation.save(update_fields=["status", "updated_at"])
        expect(page.locator("#rows .row-item")).to_have_count(0)


def test_lost_hint_reaches_the_open_conversation_too(
    chromium: Browser, tmp_path: Path, taken: Conversation, agent: Membership
) -> None:
    with (
        serving(tmp_path, CHAT_HEARTBEAT_SECONDS="1") as server,
        logged_in(chromium, server.base_url, agent) as context,
    ):
        page = open_inbox(context, path_of(taken, "?box=mine&status=snoozed"))
        expect(page.get_by_role("button", name="Close")).to_be_visible()
        conversation = Conversation.objects.get(pk=taken.pk)
        conversation.status = "closed"
        conversation.save(update_fields=["status", "updated_at"])
        expect(page.get_by_text("This conversation is closed.")).to_be_visible()


def test_network_without_sockets_still_gets_everything_through(
    chromium: Browser, web_server: Any, taken: Conversation, agent: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = context.new_page()
        page.route_web_socket("**/ws/inbox/", lambda socket: socket.close())
        page.goto(path_of(taken))
        expect(page.locator("#link-state")).to_contain_text("Every few seconds")
        page.locator("#composer-text").fill("Through the keyhole")
        page.keyboard.press("Enter")
        expect(page.locator("#log [data-unsent]")).to_have_count(0)
        customer_says(taken, "I can hear you", "heard")
        expect(page.locator("#log .bubble-text").last).to_have_text("I can hear you")
        expected = ["Do you ship to Manila?", "Through the keyhole", "I can hear you"]
        assert shown_texts(page) == expected
        assert stored_texts(taken) == expected
        expect(page.locator("#rows .row-unread")).to_be_hidden()


CAPTIVE_PAGE = "<!doctype html><title>Hotel Wi-Fi</title><h1>Please log in to the Wi-Fi</h1>"


# Success, and the one refusal that a page answers by itself: by leading to the log-in.
@pytest.mark.parametrize("status", [200, 401])
def test_foreign_answer_to_an_agents_message_does_not_acknowledge_it(
    chromium: Browser, web_server: Any, taken: Conversation, agent: Membership, status: int
) -> None:
    """A page of a captive portal: nothing is lost, nobody is logged out, the polling goes on."""
    answered: list[str] = []

    def answer(route: Route) -> None:
        kind = "message" if route.request.method == "POST" else "poll"
        if answered.count(kind) < 2:
            answered.append(kind)
            route.fulfill(status=status, body=CAPTIVE_PAGE, content_type="text/html")
        else:
            route.fallback()

    with logged_in(chromium, web_server.base_url, agent) as context:
        page = context.new_page()
        page.route_web_socket("**/ws/inbox/", lambda socket: socket.close())
        page.goto(path_of(taken))
        expect(page.locator("#link-state")).to_contain_text("Every few seconds")
        page.route(re.compile(r"/api/v1/streams/"), answer)
        page.locator("#composer-text").fill("Not swallowed")
        page.keyboard.press("Enter")
        await_truth(page, lambda: sorted(answered) == ["message", "message", "poll", "poll"])
        expect(page.locator("#log [data-unsent]")).to_have_count(0)
        customer_says(taken, "I can hear you", "heard")
        expect(page.locator("#log .bubble-text").last).to_have_text("I can hear you")
        expected = ["Do you ship to Manila?", "Not swallowed", "I can hear you"]
        assert shown_texts(page) == expected
        assert stored_texts(taken) == expected
        assert page.url.endswith(path_of(taken))
