"""The widget on sites of all kinds: each works, or the console says what to do."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from chat.models import Widget
from tests.browser.chromium import PATIENCE
from tests.browser.host_pages import SNIPPET, Host, host_site
from tests.browser.widget_page import WidgetPage, await_truth, only_conversation, stored_texts
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OWN = "script-src 'self' {base}; frame-src {base}; style-src 'self'"
SITE_SCRIPT = '<script src="/site.js"></script>'
INSERTING = """
const tag = document.createElement("script");
tag.async = true;
tag.src = "{base}/widget/loader.js%s";
document.head.append(tag);
"""

WORKS = {
    "plain page": Host(),
    "COEP require-corp": Host(headers={"Cross-Origin-Embedder-Policy": "require-corp"}),
    "COEP require-corp and COOP: isolated": Host(
        headers={
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Opener-Policy": "same-origin",
        },
        # The loader's own CORP header is enough; crossorigin would ask for CORS.
    ),
    "COEP credentialless": Host(headers={"Cross-Origin-Embedder-Policy": "credentialless"}),
    "strict CSP by addresses": Host(
        headers={"Content-Security-Policy": f"default-src 'none'; {OWN}"}
    ),
    "strict CSP by nonce": Host(
        nonce="abc123",
        body=SNIPPET.replace("<script", '<script nonce="abc123"'),
        headers={
            "Content-Security-Policy": "default-src 'none'; script-src 'nonce-abc123';"
            " frame-src {base}; style-src 'self'"
        },
    ),
    "strict CSP by nonce with strict-dynamic": Host(
        nonce="abc123",
        body=SNIPPET.replace("<script", '<script nonce="abc123"'),
        headers={
            "Content-Security-Policy": "default-src 'none'; base-uri 'none'; object-src 'none';"
            " script-src 'nonce-abc123' 'strict-dynamic'; frame-src {base}; style-src 'self'"
        },
    ),
    "Trusted Types, any policy": Host(
        headers={"Content-Security-Policy": f"{OWN}; require-trusted-types-for 'script'"}
    ),
    "Trusted Types, our policy named": Host(
        headers={
            "Content-Security-Policy": f"{OWN}; require-trusted-types-for 'script';"
            " trusted-types nextflow"
        }
    ),
    "tag manager, key in the address": Host(body=SITE_SCRIPT, script=INSERTING % "?key={key}"),
    "tag manager, key by a call before": Host(
        body=SITE_SCRIPT, script="nextflow('init', { siteKey: '{key}' });" + INSERTING % ""
    ),
    "tag manager, key by a call after": Host(
        body=SITE_SCRIPT,
        script=INSERTING % ""
        + "tag.onload = () => setTimeout(() => nextflow('init', { siteKey: '{key}' }), 100);",
    ),
    "two loads of the snippet": Host(body=SNIPPET + SNIPPET),
    "two loads, the second by a tag manager": Host(
        body=SNIPPET + SITE_SCRIPT,
        script=f"addEventListener('load', () => {{ {INSERTING % '?key={key}'} }});",
    ),
    "CSS that resets everything": Host(style="* { all: unset !important; }"),
    "CSS that hides and shrinks everything": Host(
        style="""
        html > div, div, button, iframe, #nextflow-chat { display: none !important;
          opacity: 0 !important; visibility: hidden !important; width: 50px !important;
          height: 10px !important; position: static !important; transform: scale(0) !important;
          pointer-events: none !important; font-size: 0 !important; filter: blur(9px) !important; }
        """
    ),
    "page laid out by a grid": Host(
        style="html { display: grid; grid-template-columns: 1fr 1fr; gap: 50px; }"
    ),
    "page that lets nothing be clicked": Host(
        style="html { pointer-events: none; user-select: none; }"
    ),
    "right to left": Host(html=' dir="rtl"'),
}


@pytest.fixture
def address(
    request: pytest.FixtureRequest, web_server: LiveServer, people_widget: Widget
) -> Iterator[str]:
    with host_site(request.param, web_server.base_url, people_widget.site_key) as address:
        yield address


@pytest.mark.parametrize("address", WORKS.values(), ids=WORKS, indirect=True)
def test_visitor_opens_writes_and_is_acknowledged(visitor: WidgetPage, address: str) -> None:
    visitor.visit(address)
    visitor.page.wait_for_load_state("networkidle")
    expect(visitor.page.locator("#nextflow-chat")).to_have_count(1)
    visitor.open()
    box = visitor.page.locator("#nextflow-chat .panel").bounding_box()
    assert box is not None
    assert box["width"] == 392
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1200
    visitor.send("hello")
    assert stored_texts(only_conversation()) == ["hello"]
    assert [name for name, _data in visitor.happened()] == ["ready", "opened"]
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert visitor.page.evaluate(overflow) is False


EXPLAINS = {
    "script-src lacks us for the settings": (
        Host(
            # The loader itself is let in by its hash or nonce; what it loads is not.
            body=SNIPPET.replace("<script", '<script nonce="abc123"'),
            nonce="abc123",
            headers={
                "Content-Security-Policy": "script-src {base}/widget/loader.js 'self';"
                " frame-src {base}"
            },
        ),
        "csp",
        "add {base} to script-src of the page's Content-Security-Policy.",
    ),
    "frame-src lacks us": (
        Host(headers={"Content-Security-Policy": "script-src 'self' {base}; frame-src 'self'"}),
        "csp",
        "add {base} to frame-src of the page's Content-Security-Policy.",
    ),
    "default-src alone": (
        Host(headers={"Content-Security-Policy": "default-src 'self'; script-src 'self' {base}"}),
        "csp",
        "add {base} to frame-src of the page's Content-Security-Policy.",
    ),
    "Trusted Types without our policy": (
        Host(
            headers={
                "Content-Security-Policy": f"{OWN}; require-trusted-types-for 'script';"
                " trusted-types other"
            }
        ),
        "csp",
        "add nextflow to trusted-types of the page's Content-Security-Policy.",
    ),
    "no site key": (
        Host(body='<script async src="{base}/widget/loader.js"></script>'),
        None,
        "no site key: set data-site-key, load loader.js?key=…,"
        " or call nextflow('init', {siteKey}).",
    ),
    "a key that does not exist": (
        Host(body='<script async src="{base}/widget/loader.js?key=nfw_none"></script>'),
        "widget_not_found",
        None,
    ),
    "a page that is nobody's: sandboxed": (
        Host(headers={"Content-Security-Policy": "sandbox allow-scripts"}),
        "origin_not_allowed",
        None,
    ),
}


@pytest.mark.parametrize(("host", "code", "words"), EXPLAINS.values(), ids=EXPLAINS)
def test_console_says_what_to_do(
    chromium: Browser,
    web_server: LiveServer,
    people_widget: Widget,
    host: Host,
    code: str | None,
    words: str | None,
) -> None:
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    with host_site(host, web_server.base_url, people_widget.site_key) as address:
        page.goto(address)
        page.evaluate("nextflow('open')")
        await_truth(page, lambda: any(line.startswith("NextFlow chat: ") for line in said))
        told = [line for line in said if line.startswith("NextFlow chat: ")]
        if words:
            assert told[0] == "NextFlow chat: " + words.replace("{base}", web_server.base_url)
        if code:
            errors = [data["code"] for name, data in page.evaluate("happened") if name == "error"]
            assert set(errors) == {code}
    context.close()


# --- Pages that change under the widget ---------------------------------------------------------

SINGLE_PAGE = """
window.seen = [];
addEventListener("popstate", () => window.seen.push(location.pathname));
window.go = (path) => {
  history.pushState({ key: path }, "", path);
  const body = document.createElement("body");
  body.append(path);
  document.body.replaceWith(body);
};
window.swapAll = () => document.documentElement.replaceChildren(
  document.createElement("head"), document.createElement("body"));
"""
ROUTED = Host(body=SITE_SCRIPT + SNIPPET, script=SINGLE_PAGE)


@pytest.mark.parametrize("address", [ROUTED], ids=["single-page site"], indirect=True)
def test_single_page_site_keeps_the_widget_over_its_steps(
    visitor: WidgetPage, address: str
) -> None:
    visitor.visit(address).open()
    visitor.send("one")
    visitor.page.evaluate("go('/a')")
    visitor.page.evaluate("go('/b')")
    visitor.send("two")
    visitor.page.go_back()
    expect(visitor.own("two")).to_be_visible()
    assert visitor.page.evaluate("seen") == ["/a"]
    # Some routers replace all that <html> holds: the launcher puts itself back.
    visitor.page.evaluate("swapAll()")
    expect(visitor.own("two")).to_be_visible()
    visitor.send("three")
    assert stored_texts(only_conversation()) == ["one", "two", "three"]


def test_settings_answered_by_somebody_else_are_asked_for_again(
    visitor: WidgetPage, shop: str
) -> None:
    answered: list[str] = []

    def answer(route: Route) -> None:
        answered.append(route.request.url)
        if len(answered) == 1:
            route.fulfill(body="<!doctype html><h1>Wi-Fi</h1>", content_type="text/html")
        else:
            route.fallback()

    visitor.page.route(re.compile(r"/widget/settings\.js"), answer)
    visitor.visit(shop).open()
    visitor.send("got in")
    assert [data["code"] for name, data in visitor.happened() if name == "error"] == ["unreachable"]
    visitor.problems.clear()


@pytest.mark.parametrize("what", [r"/widget/frame/\?", r"/i18n/en(\.\w+)?\.js"])
def test_frame_answered_by_somebody_else_is_loaded_again(
    visitor: WidgetPage, shop: str, what: str
) -> None:
    answered: list[str] = []

    def answer(route: Route) -> None:
        answered.append(route.request.url)
        if len(answered) == 1:
            route.fulfill(body="<!doctype html><h1>Wi-Fi</h1>", content_type="text/html")
        else:
            route.fallback()

    visitor.page.route(re.compile(what), answer)
    visitor.visit(shop)
    visitor.launcher.click()
    expect(visitor.composer).to_be_visible()
    visitor.send("got in")
    assert len(answered) == 2
