"""What a visitor sees when something is refused, missing, blocked or too much."""

import re
import secrets
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from chat.models import Conversation, Message, Widget
from chat.services import close
from crm.organizations.models import Membership
from tests.browser.chromium import PATIENCE
from tests.browser.sites import FragileShop, shop_site
from tests.browser.widget_page import (
    WidgetPage,
    await_truth,
    hurry,
    only_conversation,
    reply,
    stored_texts,
)
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def block_sockets(page: Page) -> list[str]:
    """Do what some companies' proxies do: no WebSocket gets through."""
    tried: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        tried.append(socket.url)
        socket.close(code=1011)

    page.route_web_socket(re.compile("/ws/widget/"), refuse)
    return tried


def test_too_long_text_is_counted_and_never_cut(visitor: WidgetPage, shop: str) -> None:
    visitor.visit(shop).open()
    long = "ф" * 10_001
    visitor.composer.fill(long)
    expect(visitor.frame.locator(".count")).to_have_text("1 character too many")
    expect(visitor.frame.get_by_role("button", name="Send")).to_be_disabled()
    visitor.composer.press("Enter")
    assert visitor.composer.input_value() == long
    visitor.composer.fill(long[:-1])
    expect(visitor.frame.locator(".count")).to_have_text("0 characters left")
    visitor.composer.press("Enter")
    expect(visitor.own("ффф").locator("[data-status=sent]")).to_be_visible()
    assert stored_texts(only_conversation()) == [long[:-1]]


def test_refused_message_says_why_and_can_be_edited_or_deleted(
    visitor: WidgetPage, shop: str
) -> None:
    visitor.visit(shop).open()
    visitor.send("fine")
    visitor.write("bad \x07 bell")
    failed = visitor.frame.locator(".row.failed")
    expect(failed.locator(".failure")).to_contain_text("characters that cannot be shown")
    visitor.send("still fine")
    visitor.page.reload()
    visitor.open()
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Edit").click()
    expect(visitor.composer).to_be_focused()
    assert visitor.composer.input_value() == "bad \x07 bell"
    expect(failed).to_have_count(0)
    visitor.composer.fill("")
    visitor.write("also \x07 bad")
    failed.get_by_role("button", name="Delete").click()
    expect(failed).to_have_count(0)
    assert stored_texts(only_conversation()) == ["fine", "still fine"]


def test_message_that_meets_a_closed_conversation_opens_a_new_one(
    visitor: WidgetPage, agent: Membership, fragile_shop: FragileShop
) -> None:
    """Written while the line is cut, and closed by the agent before it is back."""
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("first")
        server.kill()
        expect(visitor.bar).to_contain_text("Your messages are kept and will be sent")
        visitor.write("second")
        expect(visitor.own("second")).to_have_class(re.compile("unsent"))
    first = only_conversation()
    close(organization_id=first.organization_id, conversation_id=first.pk, by=agent)
    with fragile_shop.serving():
        hurry(visitor.page)
        expect(visitor.own("second").locator("[data-status=sent]")).to_be_visible()
        second = Conversation.objects.exclude(pk=first.pk).get()
        assert (stored_texts(first), stored_texts(second)) == (["first"], ["second"])
        assert visitor.texts() == ["first", "second"]


def test_many_messages_at_once_all_arrive_in_order(visitor: WidgetPage, shop: str) -> None:
    visitor.visit(shop).open()
    words = [f"line {number}" for number in range(40)]
    for word in words:
        visitor.write(word)
    expect(visitor.own("line 39").locator("[data-status=sent]")).to_be_visible(timeout=120_000)
    assert stored_texts(only_conversation()) == words
    assert visitor.texts() == words


def test_chat_works_where_sockets_are_blocked(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    tried = block_sockets(visitor.page)
    visitor.visit(shop).open()
    visitor.write("over plain HTTP")
    expect(visitor.own("over plain HTTP").locator("[data-status=sent]")).to_be_visible()
    assert len(tried) == 3
    conversation = only_conversation()
    reply(conversation, agent, "heard you")
    expect(visitor.answer("heard you")).to_be_visible()
    visitor.send("and again")
    assert visitor.texts() == ["over plain HTTP", "heard you", "and again"]
    assert stored_texts(conversation) == visitor.texts()


def test_frames_that_were_lost_or_doubled_on_the_way_are_mended(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    """Every second event is dropped and every third comes twice: the page shows each once."""
    seen = {"events": 0, "pulls": 0}

    def meddle(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_server(text: str | bytes) -> None:
            if str(text).startswith('{"type":"event"'):
                seen["events"] += 1
                if seen["events"] % 2 == 0:
                    return
                if seen["events"] % 3 == 0:
                    socket.send(text)
            socket.send(text)

        def from_page(text: str | bytes) -> None:
            seen["pulls"] += "stream.pull" in str(text)
            server.send(text)

        server.on_message(from_server)
        socket.on_message(from_page)

    visitor.page.route_web_socket(re.compile("/ws/widget/"), meddle)
    visitor.visit(shop).open()
    visitor.send("start")
    conversation = only_conversation()
    answers = [f"answer {number}" for number in range(8)]
    for text in answers:
        reply(conversation, agent, text)
    visitor.send("done?")
    expect(visitor.answer("answer 7")).to_be_visible()
    assert visitor.texts() == ["start", *answers, "done?"]
    assert seen["pulls"] >= 1


def test_restored_log_is_loaded_anew(
    visitor: WidgetPage, agent: Membership, fragile_shop: FragileShop
) -> None:
    """A restore from a backup changes the epoch: what the page holds is no longer the truth."""
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("kept")
        visitor.send("lost by the restore")
        server.kill()
    conversation = only_conversation()
    Message.objects.collection.delete_one({"seq": 2})
    conversation.epoch, conversation.last_seq = secrets.token_hex(6), 1
    conversation.save(update_fields=["epoch", "last_seq"])
    with fragile_shop.serving():
        hurry(visitor.page)
        expect(visitor.own("lost by the restore")).to_have_count(0)
        assert visitor.texts() == ["kept"]
        reply(conversation, agent, "after the restore")
        expect(visitor.answer("after the restore")).to_be_visible()
        assert visitor.texts() == ["kept", "after the restore"]


def test_long_history_is_loaded_upwards(visitor: WidgetPage, shop: str, agent: Membership) -> None:
    visitor.visit(shop).open()
    visitor.send("the beginning")
    conversation = only_conversation()
    for number in range(120):
        reply(conversation, agent, f"number {number:03}")
    expect(visitor.answer("number 119")).to_be_visible()
    visitor.page.reload()
    visitor.open()
    expect(visitor.answer("number 119")).to_be_visible()
    older = visitor.frame.get_by_role("button", name="Earlier messages")
    older.click()
    expect(visitor.answer("number 030")).to_be_attached()
    older.click()
    expect(visitor.own("the beginning")).to_be_attached()
    expect(older).to_have_count(0)
    assert visitor.texts() == ["the beginning", *(f"number {n:03}" for n in range(120))]


def test_unknown_key_leaves_the_page_alone_and_tells_its_developer(
    visitor: WidgetPage, web_server: LiveServer, people_widget: Widget
) -> None:
    messages: list[str] = []
    visitor.page.on("console", lambda message: messages.append(message.text))
    with shop_site(web_server.base_url, "nfw_wrong") as address:
        visitor.page.goto(address)
        visitor.await_event("error")
    assert visitor.happened()[0][1]["code"] == "widget_not_found"
    assert any("Copy the snippet again" in message for message in messages)
    assert visitor.launcher.count() == 0


def test_foreign_site_cannot_frame_the_chat(
    visitor: WidgetPage, web_server: LiveServer, people_widget: Widget
) -> None:
    """Even one that lies about its origin: the browser asks the policy, not the site."""
    people_widget.allowed_domains = ["shop.example"]
    people_widget.save()
    with shop_site(web_server.base_url, people_widget.site_key) as address:
        visitor.page.goto(address)
        visitor.await_event("error")
        assert visitor.happened()[0][1]["code"] == "origin_not_allowed"
        with visitor.page.expect_event("console") as refused:
            visitor.page.evaluate(
                """([base, key]) => {
                  const frame = document.createElement("iframe");
                  frame.src = `${base}/widget/frame/?site_key=${key}&origin=https://shop.example`;
                  document.body.append(frame);
                }""",
                [web_server.base_url, people_widget.site_key],
            )
        assert "frame-ancestors" in refused.value.text
    visitor.problems.clear()


def test_messages_of_other_origins_are_ignored(visitor: WidgetPage, shop: str) -> None:
    visitor.visit(shop).open()
    visitor.page.evaluate(
        """() => {
          window.postMessage({ nextflow: 1, type: "unread", count: 7 }, "*");
          window.postMessage({ nextflow: 1, type: "close" }, "*");
        }"""
    )
    inner = next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)
    inner.evaluate("window.postMessage({ nextflow: 1, type: 'reset' }, '*')")
    visitor.send("still here")
    expect(visitor.launcher).to_have_attribute("aria-expanded", "true")
    assert ["unread", 7] not in visitor.happened()


def test_twice_pasted_snippet_is_one_widget(
    visitor: WidgetPage, web_server: LiveServer, people_widget: Widget
) -> None:
    with shop_site(web_server.base_url, people_widget.site_key, twice=True) as address:
        visitor.visit(address).open()
        assert visitor.page.locator("#nextflow-chat").count() == 1
        assert [event[0] for event in visitor.happened()] == ["ready", "opened"]


def test_reset_forgets_the_visitor(visitor: WidgetPage, shop: str) -> None:
    visitor.visit(shop).open()
    visitor.send("my secret order")
    visitor.page.evaluate("nextflow('reset')")
    expect(visitor.bubbles).to_have_count(1)
    visitor.send("somebody else")
    assert visitor.texts() == ["somebody else"]
    assert Conversation.objects.values("customer").distinct().count() == 2


def test_widget_that_was_switched_off_for_a_while_forgets_nobody(
    visitor: WidgetPage, people_widget: Widget, fragile_shop: FragileShop
) -> None:
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("still mine")
        server.kill()
    people_widget.is_active = False
    people_widget.save()
    with fragile_shop.serving():
        hurry(visitor.page)
        expect(visitor.bar).to_have_text("The chat is not available on this site.")
        expect(visitor.composer).to_be_disabled()
        people_widget.is_active = True
        people_widget.save()
        visitor.page.reload()
        visitor.open()
        expect(visitor.own("still mine")).to_be_visible()
        visitor.send("and open again")
        assert stored_texts(only_conversation()) == ["still mine", "and open again"]


# --- Somebody else answers in the server's place ------------------------------------------------

CAPTIVE_PAGE = "<!doctype html><title>Hotel Wi-Fi</title><h1>Please log in to the Wi-Fi</h1>"


def answer_foreign(page: Page, address: str, times: int, *, status: int = 200) -> list[str]:
    """Answer the first requests of a kind as a captive portal does; return what was answered so."""
    answered: list[str] = []

    def answer(route: Route) -> None:
        if len(answered) < times:
            answered.append(route.request.method)
            route.fulfill(status=status, body=CAPTIVE_PAGE, content_type="text/html")
        else:
            route.fallback()

    page.route(re.compile(address), answer)
    return answered


def open_without_sockets(visitor: WidgetPage, shop: str) -> None:
    """Open the chat where it has to ask over HTTP, without the pauses before it does."""
    block_sockets(visitor.page)
    visitor.visit(shop).open()
    hurry_until(
        visitor.page, lambda: visitor.state.get_attribute("data-state") in {"online", "away"}
    )


def hurry_until(page: Page, is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while not is_true():
        assert time.monotonic() < deadline
        hurry(page)
        page.wait_for_timeout(50)


@pytest.mark.parametrize("status", [200, 401, 403, 502])
def test_foreign_answer_to_a_message_does_not_acknowledge_it(
    visitor: WidgetPage, shop: str, status: int
) -> None:
    open_without_sockets(visitor, shop)
    answered = answer_foreign(visitor.page, r"/streams/[^/]+/messages$", 2, status=status)
    visitor.write("not lost")
    await_truth(visitor.page, lambda: bool(answered))
    expect(visitor.own("not lost").locator("[data-status=sent]")).to_be_visible()
    assert answered == ["POST", "POST"]
    assert stored_texts(only_conversation()) == ["not lost"]
    visitor.page.reload()
    visitor.open()
    expect(visitor.own("not lost")).to_have_count(1)


def test_polling_goes_on_after_a_foreign_answer(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    open_without_sockets(visitor, shop)
    visitor.send("over HTTP")
    answered = answer_foreign(visitor.page, r"/streams/[^/]+/events\?", 2)
    reply(only_conversation(), agent, "first")
    await_truth(visitor.page, lambda: len(answered) == 2)
    reply(only_conversation(), agent, "second")
    expect(visitor.answer("second")).to_be_visible()
    assert visitor.texts() == ["over HTTP", "first", "second"]


def test_session_answered_by_somebody_else_is_asked_for_again(
    visitor: WidgetPage, shop: str
) -> None:
    answered = answer_foreign(visitor.page, r"/widget/(sessions|tickets)$", 3)
    visitor.visit(shop).open()
    hurry_until(visitor.page, lambda: len(answered) == 3)
    visitor.send("got in")
    assert len(answered) == 3
    assert stored_texts(only_conversation()) == ["got in"]
