"""The widget as a visitor uses it."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, expect

from chat.models import Conversation, Message
from chat.services import post_message
from chat.services.conversations import agent_sender
from crm.core.ids import uuid7
from crm.organizations.models import Membership
from tests.browser.chromium import PATIENCE

Signed = Callable[[str], str]


class WidgetPage:
    """A page with the widget in it; what is written and read goes through the real elements."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # A server that is away is part of some stories; a policy that is broken never is.
        if kind == "error" and "Content Security Policy" in text:
            self.problems.append(text)

    @property
    def launcher(self) -> Locator:
        return self.page.locator("#nextflow-chat .launcher")

    @property
    def badge(self) -> Locator:
        return self.page.locator("#nextflow-chat .badge")

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator("#nextflow-chat iframe")

    @property
    def composer(self) -> Locator:
        return self.frame.locator("textarea")

    @property
    def bubbles(self) -> Locator:
        return self.frame.locator(".row:not(.typing) .bubble")

    @property
    def state(self) -> Locator:
        return self.frame.locator(".state")

    @property
    def bar(self) -> Locator:
        return self.frame.locator(".bar:not(.keep-open)")

    @property
    def keep_open(self) -> Locator:
        return self.frame.locator(".keep-open")

    def own(self, text: str) -> Locator:
        return self.frame.locator(".row.own", has_text=text)

    def answer(self, text: str) -> Locator:
        return self.frame.locator(".row.other", has_text=text)

    def visit(self, address: str) -> "WidgetPage":
        self.page.goto(address)
        expect(self.launcher).to_be_visible()
        return self

    def open(self) -> "WidgetPage":
        """Open the panel; after a reload it may stand open still, and has not taken the focus."""
        expect(self.launcher).to_be_attached()
        if self.launcher.get_attribute("aria-expanded") == "true":
            self.composer.focus()
        else:
            self.launcher.click()
        expect(self.composer).to_be_focused()
        return self

    def write(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def send(self, text: str) -> None:
        """Write, and wait until the server has it."""
        self.write(text)
        expect(self.own(text).last.locator(".meta[data-status=sent]")).to_be_visible()

    def texts(self) -> list[str]:
        """Give what the messages say, top to bottom, without the greeting."""
        return self.bubbles.all_inner_texts()[1:]

    def await_event(self, name: str) -> None:
        """Wait until the launcher told the page of an event; the site's policy forbids eval."""
        await_truth(self.page, lambda: any(event[0] == name for event in self.happened()))

    def happened(self) -> list[list[Any]]:
        events: list[list[Any]] = self.page.evaluate("window.happened")
        return events


def hurry(page: Page) -> None:
    """Tell a page that its network is back, as a browser does: it does not wait out its pause."""
    for frame in page.frames:
        frame.evaluate("() => { dispatchEvent(new Event('online')); }")


def await_truth(page: Page, is_true: Callable[[], bool]) -> None:
    """Wait for what a page brings about elsewhere, while the page goes on."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not is_true():
        assert time.monotonic() < deadline, "What was waited for never became true."
        page.wait_for_timeout(100)


def identify(visitor: WidgetPage, token: str) -> None:
    visitor.page.evaluate(f"nextflow('identify', {{ token: '{token}', name: 'Minh' }})")


def only_conversation() -> Conversation:
    return Conversation.objects.select_related("organization").get()


def stored_texts(conversation: Conversation) -> list[str]:
    found = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    return [entry.content["text"] for entry in found if "text" in entry.content]


def reply(conversation: Conversation, agent: Membership, text: str) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=agent_sender(agent.user),
        content={"type": "text", "text": text},
        client_message_id=uuid7().hex,
        by=agent,
    )
