"""What a customer's site loads: loader, settings, frame; and how heavy it is."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponseBase
from django.test import Client

from chat.models import Widget
from crm.core.colors import ink_on

SHOP = "https://shop.example"
KILOBYTE = 1024


@pytest.fixture
def browser(widget: Widget) -> Client:
    return Client(headers={"accept-language": "en"})


def body(response: HttpResponseBase) -> bytes:
    if getattr(response, "streaming", False):
        return b"".join(response.streaming_content)  # type: ignore[attr-defined]
    return response.content  # type: ignore[attr-defined]


def settings_line(response: HttpResponseBase) -> str:
    """Give the last line of settings.js; before it stands the launcher, the same for all."""
    return body(response).decode().splitlines(keepends=True)[-1]


def settings_of(response: HttpResponseBase) -> dict[str, Any]:
    found = re.fullmatch(r'nextflow\("settings",(.*)\);\n', settings_line(response))
    assert found
    return json.loads(found[1])


def frame(browser: Client, widget: Widget, **query: str) -> Any:
    return browser.get("/widget/frame/", {"site_key": widget.site_key, **query})


@pytest.mark.parametrize("key", ["", "a\x00b", "nfw_unknown", "\ufffd", "x" * 5000])
def test_a_key_that_cannot_be_one_is_unknown(browser: Client, key: str) -> None:
    assert browser.get("/widget/frame/", {"site_key": key}).status_code == 404
    # A script that says why: a browser would run none of a 404.
    refused = browser.get("/widget/settings.js", {"site_key": key})
    assert (refused.status_code, settings_of(refused)["error"]["code"]) == (200, "widget_not_found")


def test_loader_is_cached_shortly_and_known_again(browser: Client) -> None:
    first = browser.get("/widget/loader.js")
    assert first["Content-Type"] == "text/javascript; charset=utf-8"
    assert first["Cache-Control"] == "public, max-age=300"
    assert first["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = browser.get("/widget/loader.js", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, body(again)) == (304, b"")


def test_compressed_loader_is_known_again(browser: Client) -> None:
    first = browser.get("/widget/loader.js", headers={"accept-encoding": "gzip"})
    assert first["Content-Encoding"] == "gzip"
    again = browser.get(
        "/widget/loader.js",
        headers={"accept-encoding": "gzip", "if-none-match": first["ETag"]},
    )
    assert again.status_code == 304


def test_settings_name_the_look_and_the_words(browser: Client, widget: Widget) -> None:
    widget.color, widget.position = "#ffd166", "left"
    widget.texts = {"vi": {"title": "Cửa hàng"}}
    widget.save()
    answer = settings_of(
        browser.get(
            "/widget/settings.js",
            {"site_key": widget.site_key, "origin": SHOP, "language": "vi"},
        )
    )
    assert (answer["color"], answer["ink"], answer["position"]) == ("#ffd166", "#000000", "left")
    assert answer["labels"]["chat"] == "Cửa hàng"
    assert ".launcher" in answer["style"]


@pytest.mark.parametrize(
    ("key", "origin", "code"),
    [
        ("nfw_unknown", SHOP, "widget_not_found"),
        ("", SHOP, "widget_not_found"),
        (None, "https://evil.example", "origin_not_allowed"),
        (None, "https://shop.example.evil.example", "origin_not_allowed"),
        (None, "null", "origin_not_allowed"),
    ],
)
def test_settings_say_why_there_is_no_button(
    browser: Client, widget: Widget, key: str | None, origin: str, code: str
) -> None:
    response = browser.get(
        "/widget/settings.js",
        {"site_key": widget.site_key if key is None else key, "origin": origin},
    )
    assert response.status_code == 200
    assert settings_of(response)["error"]["code"] == code


def test_settings_cannot_break_out_of_their_script(browser: Client, widget: Widget) -> None:
    widget.texts = {"en": {"title": '</script><script>alert("x")</script>\u2028'}}
    widget.save()
    response = browser.get("/widget/settings.js", {"site_key": widget.site_key, "origin": SHOP})
    assert "<" not in settings_line(response)
    assert settings_of(response)["labels"]["chat"].startswith("</script>")


def test_frame_may_stand_only_on_the_widgets_own_sites(browser: Client, widget: Widget) -> None:
    response = frame(browser, widget, origin=SHOP)
    # A site that isolates itself (COEP) shows no frame without these.
    assert response["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response["Content-Security-Policy"].split(";")
    )
    assert policy["frame-ancestors"].split() == [
        "'self'",
        "https://shop.example",
        "http://shop.example",
        "https://www.shop.example",
        "http://www.shop.example",
        "https://localhost:*",
        "http://localhost:*",
    ]
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://testserver"
    assert "X-Frame-Options" not in response
    assert not response.cookies
    assert "unsafe" not in response["Content-Security-Policy"]


def test_a_domain_cannot_smuggle_a_directive(browser: Client, widget: Widget) -> None:
    widget.allowed_domains = ["ok.example", "x;script-src", "*", "a,b", "müller.example"]
    widget.save()
    policy = frame(browser, widget)["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://ok.example http://ok.example" in policy
    assert policy.count("script-src") == 1


def test_frame_holds_nothing_inline(browser: Client, widget: Widget) -> None:
    html = body(frame(browser, widget, origin=SHOP)).decode()
    assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []
    assert html.count('type="module"') == 1


@pytest.mark.parametrize(("wish", "language"), [("ru-RU", "ru"), ("vi", "vi"), ("xx", "en")])
def test_frame_says_its_language(browser: Client, widget: Widget, wish: str, language: str) -> None:
    html = body(frame(browser, widget, language=wish)).decode()
    assert f'<html lang="{language}"' in html


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"site_key": "nfw_unknown"}, 404),
        ({}, 404),
        ({"origin": "https://evil.example"}, 403),
    ],
)
def test_frame_refuses_in_words(
    browser: Client, widget: Widget, query: dict[str, str], status: int
) -> None:
    if "origin" in query:
        query = {"site_key": widget.site_key, **query}
    response = browser.get("/widget/frame/", query)
    assert response.status_code == status
    assert "The chat is not available here" in body(response).decode()
    assert not response.cookies


def test_inactive_widget_is_not_there(browser: Client, widget: Widget) -> None:
    widget.is_active = False
    widget.save()
    assert frame(browser, widget).status_code == 404


@pytest.mark.parametrize(
    ("color", "ink"),
    [
        ("#000000", "#ffffff"),
        ("#ffffff", "#000000"),
        ("#8a4b2a", "#ffffff"),
        ("#ffd166", "#000000"),
    ],
)
def test_ink_can_be_read(color: str, ink: str) -> None:
    assert ink_on(color) == ink


def loaded_files(browser: Client, widget: Widget) -> Iterator[tuple[str, bytes]]:
    """Fetch, through the application, everything that a visitor's browser may load."""
    query = {"site_key": widget.site_key, "origin": SHOP}
    yield "loader.js", body(browser.get("/widget/loader.js"))
    yield "settings.js", body(browser.get("/widget/settings.js", query))
    html = body(browser.get("/widget/frame/", query))
    yield "frame", html
    waiting = re.findall(r'(?:href|src)="(/static/[^"]+)"', html.decode())
    seen = set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        response = browser.get(address)
        assert response.status_code == 200, address
        content = body(response)
        yield address, content
        folder = address.rsplit("/", 1)[0]
        imports = re.findall(r'(?:from|import\()\s*"(\.{1,2}/[^"]+)"', content.decode())
        for name in imports:
            parts = folder.split("/")
            for part in name.split("/"):
                if part == "..":
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            waiting.append("/".join(parts))


def test_loader_is_small_on_the_wire_too(browser: Client) -> None:
    answer = browser.get("/widget/loader.js", headers={"accept-encoding": "gzip, br"})
    assert len(body(answer)) <= 3 * KILOBYTE
    assert gzip.decompress(body(answer)) == body(browser.get("/widget/loader.js"))


def test_everything_loaded_stays_within_the_budget(browser: Client, widget: Widget) -> None:
    sizes = {
        name: len(gzip.compress(content, 9, mtime=0))
        for name, content in loaded_files(browser, widget)
    }
    on_disk = {
        f"/static/chat/widget/{name}"
        for folder in ("chat/widget", "chat/widget/i18n")
        for name in _files_of(folder)
    }
    # launcher.css, launcher.js and loader.js come through their views.
    missing = (
        on_disk
        - set(sizes)
        - {
            "/static/chat/widget/launcher.css",
            "/static/chat/widget/launcher.js",
            "/static/chat/widget/loader.js",
        }
    )
    assert missing == set()
    assert sizes["loader.js"] <= 3 * KILOBYTE, sizes
    assert sum(sizes.values()) <= 60 * KILOBYTE, sizes


def _files_of(folder: str) -> list[str]:
    root = Path(str(finders.find("chat/widget/frame.js"))).parent
    base = root.parent.parent
    return [str(path.relative_to(root)) for path in (base / folder).iterdir() if path.is_file()]
