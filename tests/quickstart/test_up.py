"""`make up`: the newcomer's one command, and in three languages what it is for."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from chat.bot_texts import Line, line
from config.engines.processes import identity
from tests.browser.chromium import launch
from tests.browser.widget_page import WidgetPage
from tests.ports import free_port
from tests.quickstart.checkout import PATIENCE, ROOT, Checkout

pytestmark = pytest.mark.long

LANGUAGES = ("en", "vi", "ru")
ASKS_FOR_A_PERSON = {
    "en": "I want to talk to a person",
    "vi": "Tôi muốn nói chuyện với nhân viên",
    "ru": "Хочу поговорить с человеком",
}
REPLIES = {
    "en": "Hello, this is a person. How can I help?",
    "vi": "Xin chào, nhân viên đây ạ. Mình giúp gì được cho bạn?",
    "ru": "Здравствуйте, на связи человек. Чем помочь?",
}


@pytest.fixture(scope="module")
def _checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    checkout = Checkout(var=tmp_path_factory.mktemp("up") / "var", port=free_port())
    yield checkout
    checkout.manage("down")


@pytest.fixture
def checkout(_checkout: Checkout) -> Checkout:
    """Give the module's checkout, up: a test may have taken it down."""
    _checkout.up()
    return _checkout


@pytest.fixture(scope="module")
def browsers() -> Iterator[tuple[Browser, Browser]]:
    """Two browsers: the visitor's and the agent's."""
    with sync_playwright() as playwright:
        pair = (launch(playwright), launch(playwright))
        yield pair
        for browser in pair:
            browser.close()


def answer(url: str, body: dict[str, Any] | None = None, token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body and "client_message_id" in body:
        headers["Idempotency-Key"] = body["client_message_id"]
    request = urllib.request.Request(
        url, data=json.dumps(body).encode() if body else None, headers=headers
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        result: dict[str, Any] = json.load(reply)
        return result


def test_up_says_where_and_with_which_log_ins(checkout: Checkout):
    printed, told = checkout.up().stdout, checkout.told()
    assert told["base_url"] == checkout.base_url
    assert told["base_url"] in printed
    assert told["widget_site_key"].startswith("nfw_")
    assert {login["role"] for login in told["logins"]} >= {"owner", "agent"}
    for login in told["logins"]:
        assert login["email"] in printed
    assert set(told["processes"]) == {
        "supervisor",
        "web",
        "worker",
        "beat",
        "postgresql",
        "mongodb",
        "valkey",
        "qdrant",
    }
    assert all(psutil.pid_exists(pid) for pid in told["processes"].values())


def test_a_visitor_is_answered_by_the_bot_with_a_source(checkout: Checkout):
    told = checkout.told()
    base = told["base_url"]
    session = answer(
        f"{base}/api/v1/widget/sessions",
        {"site_key": told["widget_site_key"], "parent_origin": base, "language": "en"},
    )
    token = session["visitor_token"]
    faqs = json.loads((ROOT / "chat" / "demo" / "faqs_en.json").read_text())
    posted = answer(
        f"{base}/api/v1/streams/new/messages",
        {
            "content": {"type": "text", "text": faqs[0]["question"]},
            "client_message_id": "first-question",
        },
        token,
    )
    stream, epoch = posted["stream"], posted["epoch"]
    deadline = time.monotonic() + PATIENCE
    replies: list[dict[str, Any]] = []
    while not replies and time.monotonic() < deadline:
        page = answer(
            f"{base}/api/v1/streams/{stream}/events?epoch={epoch}&after=1&wait=5", token=token
        )
        replies = [
            event["data"]
            for event in page["events"]
            if event["kind"] == "message.posted" and event["data"]["sender"]["type"] == "bot"
        ]
    assert replies, "the bot did not answer"
    assert replies[0]["content"]["text"] == faqs[0]["answer"]
    assert replies[0]["content"]["sources"][0]["url"]


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_visitor_asks_the_bot_then_a_person_who_answers_from_the_inbox(
    checkout: Checkout, browsers: tuple[Browser, Browser], language: str
):
    told = checkout.told()
    faq = json.loads((ROOT / "chat" / "demo" / f"faqs_{language}.json").read_text())[0]
    visitors, agents = browsers
    visitor = visitors.new_context(locale=language)
    agent = agents.new_context(locale=language)
    try:
        shop = WidgetPage(visitor.new_page())
        shop.visit(f"{checkout.base_url}/demo/?lang={language}").open()
        shop.send(faq["question"])
        answered = shop.answer(faq["answer"])
        expect(answered).to_be_visible(timeout=PATIENCE * 1000)
        source = answered.get_by_role("link")
        expect(source).to_have_attribute("target", "_blank")
        with visitor.expect_page() as opened:
            source.click()
        expect(opened.value.get_by_text(faq["answer"])).to_be_visible()

        shop.send(ASKS_FOR_A_PERSON[language])
        farewell = shop.answer(line(Line.ASKED, language))
        expect(farewell).to_be_visible(timeout=PATIENCE * 1000)
        # The demo's customers ask for a person in the same words; nobody says this.
        order = f"BZ-{language}-{uuid4().hex[:8]}"
        shop.send(order)

        inbox = agent.new_page()
        inbox.goto(f"{checkout.base_url}/app/inbox/")
        login = next(entry for entry in told["logins"] if entry["role"] == "agent")
        inbox.locator("input[name=email]").fill(login["email"])
        inbox.locator("input[name=password]").fill(login["password"])
        inbox.keyboard.press("Enter")
        inbox.locator("#rows a", has_text=order).click()
        expect(inbox.locator("#log")).to_contain_text(order)
        expect(inbox.locator("#log")).to_contain_text(ASKS_FOR_A_PERSON[language])
        # The row may have led to a page of its own. Enter begins a new line there, as everywhere,
        # until its script runs.
        expect(inbox.locator("#inbox[data-ready]")).to_be_visible()
        inbox.locator("#composer textarea").fill(REPLIES[language])
        inbox.locator("#composer textarea").press("Enter")

        reply = shop.answer(REPLIES[language])
        expect(reply).to_be_visible()
        expect(reply).to_contain_text(login["name"])
        assert shop.problems == []
    finally:
        visitor.close()
        agent.close()


def test_a_killed_web_process_is_started_again(checkout: Checkout):
    before = checkout.told()["processes"]["web"]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and checkout.told()["processes"]["web"] == before:
        time.sleep(0.1)
    assert checkout.told()["processes"]["web"] != before
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{checkout.base_url}/health", timeout=30) as reply:
                assert reply.status == 200
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the web server did not come back")


def test_a_second_up_in_the_same_checkout_finds_the_first(checkout: Checkout):
    before = checkout.told()["processes"]["supervisor"]
    again = checkout.manage("up", "--detach")
    assert again.returncode == 0
    assert checkout.base_url in again.stdout
    assert checkout.told()["processes"]["supervisor"] == before


def test_a_taken_port_is_one_plain_sentence(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        refused = Checkout(var=tmp_path / "var", port=port).manage("up", "--port", str(port))
    assert refused.returncode != 0
    assert f"Port {port} cannot be used" in refused.stderr
    assert f"make up PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.last
def test_down_ends_every_process(checkout: Checkout):
    last_told = checkout.told()
    stopped = checkout.manage("down")
    assert stopped.returncode == 0, stopped.stderr
    still_there = [
        name
        for name, pid in last_told["processes"].items()
        if identity(pid) == last_told["started"][name]
    ]
    assert still_there == []
    assert not (checkout.var / "up.json").exists()
    assert checkout.manage("down").stdout.strip() == "Nothing runs."
