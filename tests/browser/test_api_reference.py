"""The interactive reference: nothing from elsewhere, under the strict policy, in light and dark."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from chat.models import Conversation
from crm.organizations.models import Membership
from tests.browser.chromium import PATIENCE
from tests.browser.inbox_pages import logged_in
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def watched(page: Page, base_url: str) -> tuple[list[str], list[str]]:
    """Note what the page complains of, and what it loads from other places."""
    complaints: list[str] = []
    foreign: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((base_url, "data:")) else foreign.append(request.url)
        ),
    )
    return complaints, foreign


def test_reference_shows_every_operation_and_loads_nothing_foreign(
    chromium: Browser, web_server: LiveServer
) -> None:
    context = chromium.new_context(**FIRST_LOOK)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints, foreign = watched(page, web_server.base_url)
    page.goto(f"{web_server.base_url}/api/docs/")
    described: Any = context.request.get(f"{web_server.base_url}/api/v1/openapi.json").json()
    operations = Counter(
        operation["tags"][0]
        for methods in described["paths"].values()
        for operation in methods.values()
    )
    groups = page.locator(".opblock-tag")
    expect(groups).to_have_count(len(operations), timeout=PATIENCE)
    for tag, count in operations.items():
        group = page.locator(f"#operations-tag-{tag}")
        group.click()
        expect(page.locator(".opblock")).to_have_count(count)
        group.click()
        expect(page.locator(".opblock")).to_have_count(0)
    page.locator("#operations-tag-customers").click()
    row = page.locator("#operations-customers-customers_create")
    row.locator(".opblock-summary-control").click()
    expect(row.get_by_text("minh@example.com").first).to_be_visible()
    # The stylesheet hides the column of links: there is nothing in it.
    answers = [
        answer
        for methods in described["paths"].values()
        for operation in methods.values()
        for answer in operation["responses"].values()
    ]
    assert [answer for answer in answers if "links" in answer] == []
    for number, look in enumerate(looks(page)):
        expect(page.locator(".opblock")).to_have_count(operations["customers"])
        assert_within(page)
        is_dark = "document.documentElement.classList.contains('dark-mode')"
        page.wait_for_function(f"{is_dark} === {'true' if look.endswith('dark') else 'false'}")
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"reference-{number}.png")
    context.close()
    assert (complaints, foreign) == ([], [])


def customers_alone(route: Route) -> None:
    """Describe nothing but customers: drawing all operations is most of what this page costs."""
    answer = route.fetch()
    described: Any = answer.json()
    described["paths"] = {
        path: methods for path, methods in described["paths"].items() if "/customers" in path
    }
    route.fulfill(response=answer, json=described)


def test_who_is_logged_in_tries_an_operation(
    chromium: Browser, web_server: LiveServer, owner: Membership, conversation: Conversation
) -> None:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.route("**/api/v1/openapi.json", customers_alone)
        page.goto(f"{web_server.base_url}/api/docs/")
        page.locator("#operations-tag-customers").click(timeout=PATIENCE)
        row = page.locator("#operations-customers-customers_create")
        row.locator(".opblock-summary-control").click(timeout=PATIENCE)
        row.get_by_role("button", name="Try it out").click()
        row.get_by_role("button", name="Execute").click()
        answer = row.locator(".live-responses-table tbody .response-col_status").first
        expect(answer).to_contain_text("201", timeout=PATIENCE)
        if folder := os.environ.get("SCREENSHOTS"):
            row.screenshot(path=Path(folder) / "reference-tried.png")
