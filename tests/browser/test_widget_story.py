"""A visitor of a customer's site talks with people, through everything that may go wrong."""

import re

import pytest
from playwright.sync_api import expect

from chat.models import Conversation, Widget
from chat.services import close, take_over
from crm.organizations.models import Membership
from tests.browser.sites import FragileShop
from tests.browser.widget_page import (
    WidgetPage,
    await_truth,
    only_conversation,
    reply,
    stored_texts,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_nothing_of_the_chat_is_loaded_before_it_is_opened(visitor: WidgetPage, shop: str) -> None:
    requests: list[str] = []
    visitor.page.on("request", lambda request: requests.append(request.url))
    visitor.visit(shop)
    ours = [url for url in requests if "/widget/" in url or "/api/" in url or "/static/" in url]
    assert [url.split("?")[0].rsplit("/", 1)[1] for url in ours] == ["loader.js", "settings.js"]
    assert visitor.page.locator("#nextflow-chat iframe").count() == 0
    assert visitor.happened() == [["ready", None]]
    visitor.open()
    expect(visitor.bubbles.first).to_have_text("Hello from Sunbean")
    assert visitor.happened() == [["ready", None], ["opened", None]]


def test_visitor_and_agent_talk(visitor: WidgetPage, shop: str, agent: Membership) -> None:
    visitor.visit(shop).open()
    visitor.send("Do you roast on Fridays?")
    conversation = only_conversation()
    expect(visitor.state).to_have_text("A person will answer you here")
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    reply(conversation, agent, "Yes: https://shop.example/roasting.\nSee you!")
    link = visitor.answer("Yes").locator(".bubble a")
    # Once, before the first words of whoever joined, and not for what the team did among itself.
    expect(visitor.frame.locator(".notice")).to_have_text(["Linh joined"])
    expect(visitor.state).to_have_text("Linh is here for you")
    expect(link).to_have_attribute("href", "https://shop.example/roasting")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    assert visitor.texts()[0] == "Do you roast on Fridays?"
    # What was shown is told: the agent sees "read".
    expect(visitor.badge).to_be_hidden()

    def is_all_seen() -> bool:
        conversation.refresh_from_db()
        return conversation.customer_seen_seq == conversation.last_seq

    await_truth(visitor.page, is_all_seen)


def test_unread_messages_are_counted_while_the_panel_is_closed(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    visitor.visit(shop).open()
    visitor.send("Hello?")
    visitor.page.keyboard.press("Escape")
    expect(visitor.launcher).to_be_focused()
    conversation = only_conversation()
    reply(conversation, agent, "One")
    expect(visitor.badge).to_have_text("1")
    reply(conversation, agent, "Two")
    expect(visitor.badge).to_have_text("2")
    expect(visitor.launcher).to_have_attribute("aria-label", "Open chat (2 unread)")
    # A returning visitor with an open conversation sees it without opening the panel.
    visitor.page.reload()
    expect(visitor.badge).to_have_text("2")
    visitor.open()
    expect(visitor.badge).to_be_hidden()
    assert visitor.page.evaluate("nextflow('unread')") == 0
    assert visitor.texts() == ["Hello?", "One", "Two"]
    assert ["message", {"seq": 2, "sender": "agent"}] not in visitor.happened()


def test_texts_are_only_ever_text(visitor: WidgetPage, shop: str, agent: Membership) -> None:
    evil = "<img src=x onerror='alert(1)'><script>alert(1)</script> &amp; javascript:alert(1)"
    visitor.visit(shop).open()
    visitor.send(evil)
    reply(only_conversation(), agent, evil)
    expect(visitor.answer("javascript")).to_be_visible()
    assert visitor.texts() == [evil, evil]
    assert visitor.frame.locator(".bubble :is(img, script, a)").count() == 0


def test_messages_written_while_the_server_is_away_survive_it_and_a_reload(
    visitor: WidgetPage, fragile_shop: FragileShop
) -> None:
    """Killed with -9 twice; in the end everything is stored once and shown once."""
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("before")
        server.kill()
        expect(visitor.bar).to_contain_text("Your messages are kept and will be sent")
        visitor.write("away 1")
        visitor.write("away 2")
        expect(visitor.own("away 1")).to_have_class(re.compile("unsent"))
        expect(visitor.own("away 1").locator(".meta")).to_contain_text("Not sent yet")
    conversation = only_conversation()
    assert stored_texts(conversation) == ["before"]
    with fragile_shop.serving() as server:
        expect(visitor.own("away 2").locator("[data-status=sent]")).to_be_visible()
        assert visitor.texts() == ["before", "away 1", "away 2"]
        server.kill()
        expect(visitor.bar).to_contain_text("Your messages are kept and will be sent")
        visitor.write("away 3")
        expect(visitor.own("away 3")).to_have_class(re.compile("unsent"))
        visitor.page.reload()
    with fragile_shop.serving():
        # The page tries by itself again, and sends without being opened.
        visitor.page.reload()
        expect(visitor.launcher).to_be_visible()
        visitor.open()
        expect(visitor.own("away 3").locator("[data-status=sent]")).to_be_visible()
        expected = ["before", "away 1", "away 2", "away 3"]
        assert visitor.texts() == expected
        assert stored_texts(conversation) == expected


def test_first_message_that_was_never_sent_is_sent_without_opening_the_chat(
    visitor: WidgetPage, fragile_shop: FragileShop
) -> None:
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        expect(visitor.bubbles.first).to_have_text("Hello from Sunbean")
        server.kill()
        visitor.write("my first words")
        expect(visitor.own("first words")).to_have_class(re.compile("unsent"))
        visitor.launcher.click()
    assert Conversation.objects.count() == 0
    with fragile_shop.serving():
        visitor.visit(fragile_shop.address)
        visitor.await_event("message")
        assert stored_texts(only_conversation()) == ["my first words"]


def test_closed_conversation_goes_on_as_a_new_one(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    visitor.visit(shop).open()
    visitor.send("First matter")
    first = only_conversation()
    close(organization_id=first.organization_id, conversation_id=first.pk, by=agent)
    expect(visitor.frame.locator(".notice")).to_contain_text("Conversation closed")
    visitor.send("Second matter")
    assert visitor.texts() == ["First matter", "Second matter"]
    expect(visitor.frame.locator(".notice").last).to_have_text("New conversation")
    second = Conversation.objects.exclude(pk=first.pk).get()
    assert stored_texts(second) == ["Second matter"]
    reply(second, agent, "Both are done")
    expect(visitor.answer("Both are done")).to_be_visible()


def test_answer_in_a_conversation_that_was_closed_meanwhile_is_still_read(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    visitor.visit(shop).open()
    visitor.send("When do you open?")
    visitor.launcher.click()
    visitor.page.goto("about:blank")
    conversation = only_conversation()
    reply(conversation, agent, "At seven.")
    close(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    visitor.visit(shop)
    expect(visitor.badge).to_have_text("1")
    visitor.open()
    expect(visitor.answer("At seven.")).to_be_visible()
    expect(visitor.state).to_have_text("This conversation is closed")
    visitor.send("Thanks")
    assert visitor.texts() == ["When do you open?", "At seven.", "Thanks"]


def test_two_tabs_show_the_same_and_send_once(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    visitor.visit(shop).open()
    other = WidgetPage(visitor.page.context.new_page())
    other.visit(shop).open()
    visitor.send("From the first tab")
    expect(other.own("From the first tab")).to_be_visible()
    other.send("From the second tab")
    expect(visitor.own("From the second tab")).to_be_visible()
    reply(only_conversation(), agent, "To both")
    for tab in (visitor, other):
        expect(tab.answer("To both")).to_be_visible()
        assert tab.texts() == ["From the first tab", "From the second tab", "To both"]
    assert stored_texts(only_conversation()) == [
        "From the first tab",
        "From the second tab",
        "To both",
    ]


def test_suggested_questions_are_sent_by_one_click(
    visitor: WidgetPage, shop: str, people_widget: Widget
) -> None:
    people_widget.texts["en"]["suggestions"] = "Where are you?\nDo you deliver?"
    people_widget.save()
    visitor.visit(shop).open()
    chips = visitor.frame.get_by_role("group", name="Suggested questions").get_by_role("button")
    expect(chips).to_have_count(2)
    chips.last.click()
    expect(visitor.own("Do you deliver?").locator("[data-status=sent]")).to_be_visible()
    expect(chips).to_have_count(0)


def test_what_the_page_says_of_its_visitor_is_kept_as_a_claim(
    visitor: WidgetPage, shop: str
) -> None:
    visitor.visit(shop)
    visitor.page.evaluate("nextflow('identify', { name: 'Minh', email: 'minh@sunbean.example' })")
    visitor.open()
    visitor.send("It is me")
    customer = only_conversation().customer
    assert customer.claimed == {"name": "Minh", "email": "minh@sunbean.example"}
    # Nobody checked it: the customer's own fields stay what they were.
    assert (customer.name, customer.email) == ("", "")
    visitor.page.evaluate("nextflow('identify', { phone: '+84 24 1234 5678' })")
    expect(visitor.own("It is me")).to_be_visible()
    told = {"name": "Minh", "email": "minh@sunbean.example", "phone": "+84 24 1234 5678"}

    def is_told() -> bool:
        customer.refresh_from_db()
        return bool(customer.claimed == told)

    await_truth(visitor.page, is_told)


def test_identity_that_is_refused_keeps_nobody_from_being_heard(
    visitor: WidgetPage, shop: str
) -> None:
    visitor.visit(shop)
    visitor.page.evaluate("nextflow('identify', { token: 'nonsense' })")
    visitor.open()
    visitor.await_event("error")
    assert visitor.happened()[-1][1]["code"] == "identity_invalid"
    visitor.send("It is me")
    assert stored_texts(only_conversation()) == ["It is me"]
