"""Driving the inbox: a logged-in page, and the words one sees on it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from chat.models import Conversation, Message, Sender, SenderType
from chat.services import post_message
from crm.organizations.models import Membership
from tests.browser import axe
from tests.browser.chromium import PATIENCE

DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# What a browser says by itself while a server is away; everything else is a fault of ours.
# 401, 403, 409, 422: refusals that the page answers, in words or by leading to the log-in.
EXPECTED_NOISE = (
    "ERR_CONNECTION",
    "ERR_INTERNET_DISCONNECTED",
    "WebSocket connection to",
    "status of 401",
    "status of 403",
    "status of 409",
    "Status Error Code 409",
    "status of 422",
)


class Faults:
    """Errors and refused content of a page; there should be none."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.lines.append(str(error)))
        page.on("console", lambda line: self._note(line.type, line.text))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(noise in text for noise in EXPECTED_NOISE):
            self.lines.append(text)


@contextmanager
def logged_in(
    browser: Browser, base_url: str, membership: Membership, **options: Any
) -> Iterator[BrowserContext]:
    """Open a browser's profile with a session of this person, without spending a log-in."""
    client = Client()
    client.force_login(membership.user)
    options = {"viewport": DESK, "locale": "en-GB", "color_scheme": "light"} | options
    context = browser.new_context(base_url=base_url, **options)
    context.set_default_timeout(PATIENCE)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    cookies[settings.LANGUAGE_COOKIE_NAME] = membership.user.language_code
    context.add_cookies(
        [{"name": name, "value": value, "url": base_url} for name, value in cookies.items()]
    )
    faults = Faults()
    context.on("page", faults.watch)
    try:
        yield context
    finally:
        context.close()
    assert faults.lines == [], faults.lines


def open_inbox(context: BrowserContext, path: str = "/app/inbox/") -> Page:
    page = context.new_page()
    page.goto(path)
    await_live(page)
    return page


def await_live(page: Page) -> None:
    expect(page.locator('#link-state[data-link-state="live"]')).to_be_visible()


def path_of(conversation: Conversation, query: str = "") -> str:
    return f"/app/inbox/{conversation.pk}/{query}"


def customer_says(
    conversation: Conversation, text: str, key: str, *, timestamp: datetime | None = None
) -> Message:
    customer = conversation.customer
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=Sender(type=SenderType.CUSTOMER, id=str(customer.pk), name=customer.display_name),
        content={"type": "text", "text": text},
        client_message_id=key,
        timestamp=timestamp,
    )


def agent_says(
    conversation: Conversation,
    membership: Membership,
    text: str,
    key: str,
    *,
    kind: str = "text",
) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=Sender(type=SenderType.AGENT, id=str(membership.user_id), name=membership.user.name),
        content={"type": kind, "text": text},
        client_message_id=key,
    )


def stored_texts(conversation: Conversation) -> list[str]:
    log = Message.objects.after(conversation.organization_id, conversation.pk, 0)
    return [message.content["text"] for message in log if "text" in message.content]


def shown_texts(page: Page) -> list[str]:
    return page.locator("#log .bubble-text").all_inner_texts()


def seen_on(page: Page) -> dict[str, str]:
    """Give all words of the three panes, as a person would compare two screens.

    How many minutes somebody waits goes on between two looks.
    """
    return {
        pane: re.sub(r"(< )?\d+ min", "… min", page.locator(f"#inbox {selector}").inner_text())
        for pane, selector in {
            "filters": ".list-head nav >> nth=0",
            "states": ".list-head nav >> nth=1",
            "rows": "#rows",
            "head": ".conversation-head",
            "log": "#log",
            "composer": "#composer",
            "details": "#details-body",
        }.items()
    }


def serious_faults(page: Page, *, within: str | None = None) -> list[str]:
    """Run axe and give what it calls serious or critical, on the page or within a selector."""
    axe.load(page)
    found = page.evaluate(
        "async ([within, told]) => (await axe.run(within || document, {...told, runOnly: ['wcag2a',"
        " 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations",
        [within, axe.VIOLATIONS_ALONE],
    )
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]
