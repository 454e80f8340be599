"""A visitor whose site proves who they are finds their conversation in another browser."""

import re

import pytest
from playwright.sync_api import Browser, Route, expect

from chat.models import Conversation
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.widget_page import (
    Signed,
    WidgetPage,
    await_truth,
    identify,
    only_conversation,
    reply,
    stored_texts,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_conversation_follows_the_person_to_another_browser(
    chromium: Browser,
    visitor: WidgetPage,
    shop: str,
    signed: Signed,
) -> None:
    visitor.visit(shop).open()
    visitor.send("Before I logged in")
    identify(visitor, signed("user-7"))
    visitor.send("And now you know me")
    conversation = only_conversation()
    assert stored_texts(conversation) == ["Before I logged in", "And now you know me"]
    customer = Customer.objects.get()
    assert (customer.external_id, customer.claimed) == ("user-7", {"name": "Minh"})

    context = chromium.new_context(locale="en-GB")
    other = WidgetPage(context.new_page())
    other.visit(shop)
    identify(other, signed("user-7"))
    other.open()
    expect(other.own("And now you know me")).to_be_visible()
    other.send("From my phone")
    assert stored_texts(conversation)[-1] == "From my phone"
    assert other.problems == []
    context.close()


def texts_of(subject: str) -> list[str]:
    """Give what is stored of everything that this person wrote."""
    theirs = Conversation.objects.select_related("organization").filter(
        customer__external_id=subject
    )
    return [text for each in theirs.order_by("pk") for text in stored_texts(each)]


def await_texts(visitor: WidgetPage, subject: str, texts: list[str]) -> None:
    await_truth(visitor.page, lambda: texts_of(subject) == texts)


# Whether a text stands in any store of the frame's own databases.
_IS_STORED = """
async (text) => {
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((done) => {
      indexedDB.open(name).onsuccess = (event) => done(event.target.result);
    });
    const names = [...database.objectStoreNames];
    const rows = await Promise.all(
      names.map(
        (each) =>
          new Promise((done) => {
            const request = database.transaction(each).objectStore(each).getAll();
            request.onsuccess = () => done(request.result);
          }),
      ),
    );
    database.close();
    if (JSON.stringify(rows).includes(text)) return true;
  }
  return false;
}
"""


def await_stored(visitor: WidgetPage, text: str) -> None:
    """Wait until the browser keeps what was written: a page may be left only then."""
    panel = next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)
    await_truth(visitor.page, lambda: bool(panel.evaluate(_IS_STORED, text)))


def leave_unsent(visitor: WidgetPage, agent: Membership) -> None:
    """Anna is answered, loses her connection, writes once more and begins a third message."""
    visitor.send("Anna is here")
    reply(only_conversation(), agent, "Hello, Anna")
    expect(visitor.frame.locator("[role=log]")).to_contain_text("Hello, Anna")
    visitor.page.context.set_offline(True)
    visitor.write("Anna's secret")
    expect(visitor.own("Anna's secret")).to_be_visible()
    await_stored(visitor, "Anna's secret")
    visitor.composer.fill("Anna's draft")


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["same page", "next page"])
def test_somebody_else_neither_sends_nor_sees_what_one_left(
    visitor: WidgetPage, shop: str, signed: Signed, agent: Membership, *, is_reloaded: bool
) -> None:
    visitor.visit(shop).open()
    identify(visitor, signed("anna"))
    leave_unsent(visitor, agent)
    if is_reloaded:
        visitor.page.goto("about:blank")
        visitor.page.context.set_offline(False)
        visitor.page.add_init_script(
            "window.nextflow = function () { (nextflow.q = nextflow.q || []).push(arguments); };"
            f"nextflow('identify', {{ token: '{signed('boris')}' }});"
        )
        visitor.visit(shop).open()
    else:
        identify(visitor, signed("boris"))
        # Before any server was asked.
        expect(visitor.composer).to_have_value("")
        expect(visitor.frame.get_by_text("Anna")).to_have_count(0)
        visitor.page.context.set_offline(False)
    visitor.send("Boris is here")
    expect(visitor.composer).to_have_value("")
    expect(visitor.frame.get_by_text("Anna")).to_have_count(0)
    assert (texts_of("anna"), texts_of("boris")) == (
        ["Anna is here", "Hello, Anna"],
        ["Boris is here"],
    )
    visitor.composer.fill("Boris' draft")
    identify(visitor, signed("anna"))
    await_texts(visitor, "anna", ["Anna is here", "Hello, Anna", "Anna's secret"])
    expect(visitor.composer).to_have_value("Anna's draft")
    expect(visitor.own("Anna's secret")).to_be_visible()
    expect(visitor.frame.get_by_text("Boris")).to_have_count(0)
    assert texts_of("boris") == ["Boris is here"]


def test_another_tab_goes_on_as_who_it_is(visitor: WidgetPage, shop: str, signed: Signed) -> None:
    visitor.visit(shop).open()
    identify(visitor, signed("anna"))
    visitor.send("Anna is here")
    other = WidgetPage(visitor.page.context.new_page())
    other.visit(shop)
    identify(other, signed("boris"))
    other.open()
    other.send("Boris is here")
    visitor.send("Anna again")
    other.page.context.set_offline(True)
    other.write("Boris waits")
    expect(other.own("Boris waits")).to_be_visible()
    visitor.write("Anna waits")
    expect(visitor.own("Anna waits")).to_be_visible()
    other.page.context.set_offline(False)
    await_truth(other.page, lambda: texts_of("boris") == ["Boris is here", "Boris waits"])
    await_truth(visitor.page, lambda: texts_of("anna")[-1] == "Anna waits")
    assert texts_of("anna") == ["Anna is here", "Anna again", "Anna waits"]
    assert texts_of("boris") == ["Boris is here", "Boris waits"]
    assert other.problems == []


def test_who_is_named_while_the_chat_comes_in_writes_as_nobody_else(
    visitor: WidgetPage, shop: str, signed: Signed
) -> None:
    """The session of the one before is answered only after somebody else was named."""
    visitor.visit(shop).open()
    identify(visitor, signed("anna"))
    visitor.send("Anna is here")
    other = WidgetPage(visitor.page.context.new_page())
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    other.page.route(re.compile("/widget/sessions$"), hold)
    other.visit(shop)
    await_truth(other.page, lambda: bool(held))
    identify(other, signed("boris"))
    other.open()
    other.write("Boris is here")
    held[0].continue_()
    await_texts(other, "boris", ["Boris is here"])
    expect(other.own("Boris is here")).to_be_visible()
    expect(other.frame.get_by_text("Anna")).to_have_count(0)
    assert texts_of("anna") == ["Anna is here"]


def test_who_proves_themselves_takes_along_what_they_began_as_nobody(
    visitor: WidgetPage, shop: str, signed: Signed
) -> None:
    visitor.visit(shop).open()
    visitor.send("Who am I?")
    visitor.page.context.set_offline(True)
    visitor.write("Nobody's question")
    expect(visitor.own("Nobody's question")).to_be_visible()
    visitor.composer.fill("Nobody's draft")
    identify(visitor, signed("anna"))
    expect(visitor.composer).to_have_value("Nobody's draft")
    visitor.page.context.set_offline(False)
    await_texts(visitor, "anna", ["Who am I?", "Nobody's question"])
    expect(visitor.composer).to_have_value("Nobody's draft")
    visitor.page.reload()
    visitor.open()
    expect(visitor.composer).to_have_value("Nobody's draft")


def test_reset_forgets_the_draft_of_whoever_was_proved(
    visitor: WidgetPage, shop: str, signed: Signed, agent: Membership
) -> None:
    visitor.visit(shop).open()
    identify(visitor, signed("anna"))
    leave_unsent(visitor, agent)
    visitor.page.context.set_offline(False)
    await_texts(visitor, "anna", ["Anna is here", "Hello, Anna", "Anna's secret"])
    visitor.page.evaluate("nextflow('reset')")
    visitor.open()
    expect(visitor.composer).to_have_value("")
    identify(visitor, signed("anna"))
    expect(visitor.own("Anna's secret")).to_be_visible()
    expect(visitor.composer).to_have_value("")


def test_a_refused_identity_brings_back_what_was_there(
    visitor: WidgetPage, shop: str, signed: Signed, agent: Membership
) -> None:
    visitor.visit(shop).open()
    identify(visitor, signed("anna"))
    leave_unsent(visitor, agent)
    identify(visitor, signed("boris")[:-3] + "AAA")
    expect(visitor.composer).to_have_value("")
    visitor.page.context.set_offline(False)
    await_texts(visitor, "anna", ["Anna is here", "Hello, Anna", "Anna's secret"])
    expect(visitor.composer).to_have_value("Anna's draft")
