"""One Chromium for the browser tests of a run; each test has its own empty profile.

Playwright's synchronous API keeps an event loop in this thread, which asynchronous tests cannot
share. So the loop rests between the modules that use it: nothing of it runs meanwhile.
"""

import asyncio
import functools
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from chat.models import Conversation, Widget
from chat.services import take_over
from chat.services.identity_secrets import add_identity_secret
from crm.organizations.models import Membership
from tests.browser.chromium import PATIENCE, launch
from tests.browser.sites import FragileShop, shop_site
from tests.browser.widget_modules import STATIC, QuietHandler
from tests.browser.widget_page import Signed, WidgetPage
from tests.ports import free_port
from tests.servers import LiveServer


@pytest.fixture(scope="session")
def _resting_chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """The browser, and the loop that has to be this thread's while it is used."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture(scope="module")
def chromium(
    _resting_chromium: tuple[Browser, asyncio.AbstractEventLoop],
) -> Iterator[Browser]:
    browser, loop = _resting_chromium
    with pytest.MonkeyPatch.context() as patch:
        # Django refuses the ORM beside that loop, although nothing runs in it meanwhile.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        asyncio._set_running_loop(loop)
        yield browser
        asyncio._set_running_loop(None)


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page from which the widget's modules can be imported; no application serves it."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(STATIC))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = chromium.new_page(locale="en-GB", timezone_id="Asia/Ho_Chi_Minh")
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    yield page
    page.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def people_widget(widget: Widget) -> Widget:
    """A widget without a bot: people answer."""
    widget.bot_enabled = False
    widget.color = "#1f6f5c"
    widget.texts = {
        "en": {"title": "Sunbean", "greeting": "Hello from Sunbean"},
        "vi": {"title": "Sunbean", "greeting": "Sunbean xin chào"},
        "ru": {"title": "Sunbean", "greeting": "Привет от Sunbean"},
    }
    widget.save()
    return widget


@pytest.fixture
def shop(web_server: LiveServer, people_widget: Widget) -> Iterator[str]:
    """The address of a customer's site with that widget."""
    with shop_site(web_server.base_url, people_widget.site_key) as address:
        yield address


@pytest.fixture
def fragile_shop(people_widget: Widget, tmp_path: Path) -> Iterator[FragileShop]:
    """The same, with a server of the test's own, which does not run yet."""
    port = free_port()
    with shop_site(f"http://127.0.0.1:{port}", people_widget.site_key) as address:
        yield FragileShop(address, port, tmp_path)


@pytest.fixture
def taken(conversation: Conversation, agent: Membership) -> Conversation:
    """The conversation, open and the agent's."""
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    conversation.refresh_from_db()
    return conversation


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[WidgetPage]:
    """A visitor with a browser of their own; a broken policy or script fails the test."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 1200, "height": 800})
    context.set_default_timeout(PATIENCE)
    visitor = WidgetPage(context.new_page())
    yield visitor
    context.close()
    assert visitor.problems == []


@pytest.fixture
def signed(owner: Membership, people_widget: Widget) -> Signed:
    """Give what a site's server says of who is logged in there."""
    made = add_identity_secret(by=owner, widget_id=people_widget.pk)

    def sign(subject: str) -> str:
        now = int(time.time())
        claims = {
            "sub": subject,
            "aud": people_widget.site_key,
            "iat": now,
            "exp": now + 300,
            "jti": str(time.perf_counter_ns()),
        }
        return jwt.encode(claims, made.text, algorithm="HS256", headers={"kid": made.secret.kid})

    return sign
