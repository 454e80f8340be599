"""Which sites may show a widget."""

import pytest

from chat.models import Widget
from chat.services.visitors import frame_ancestors, origin_allowed


def widget(*domains: str) -> Widget:
    return Widget(allowed_domains=list(domains))


@pytest.mark.parametrize(
    ("domain", "origin"),
    [
        ("shop.example", "https://shop.example"),
        ("shop.example", "http://shop.example"),
        ("shop.example", "https://shop.example:443"),
        ("SHOP.example", "https://shop.example"),
        ("shop.example:8443", "https://shop.example:8443"),
        ("shop.example:*", "https://shop.example:8443"),
        ("*.shop.example", "https://www.shop.example"),
        ("*.shop.example", "https://a.b.shop.example"),
        ("localhost", "http://localhost:8000"),
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("[::1]", "http://[::1]:8000"),
        ("xn--caf-dma.example", "https://xn--caf-dma.example"),
    ],
)
def test_a_site_that_was_allowed_may(domain: str, origin: str) -> None:
    assert origin_allowed(widget("other.example", domain), origin) is True


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://notshop.example",
        "https://shop.example:8443",
        "https://deep.shop.example",
        "https://pages.example",
        "https://evilpages.example",
        "http://localhost.evil.example",
        "https://shop.example@evil.example",
        "https://user:secret@shop.example",
        "https://shop.example/path",
        "https://shop.example?",
        "https://shop.example#",
        "https://shop.example:",
        "https://shop.example:99999",
        "ftp://shop.example",
        "javascript://shop.example",
        "//shop.example",
        "shop.example",
        " https://shop.example",
        "https://shop.example\n",
        "https://shop.example.",
        "https://shop.example\\.evil.example",
        "https://[shop.example",
        "https://sh\u043ep.example",
        "null",
        "",
        "*",
        "https://*",
    ],
)
def test_any_other_site_may_not(origin: str) -> None:
    allowed = widget("shop.example", "*.pages.example", "localhost", "*", "", "bad pattern", "a*b")
    assert origin_allowed(allowed, origin) is False


def test_a_widget_without_domains_is_shown_nowhere() -> None:
    assert origin_allowed(widget(), "https://shop.example") is False


def test_the_browser_is_told_the_same_rule() -> None:
    sources = frame_ancestors(widget("shop.example", "*.pages.example:8443", "localhost", "a b;c"))
    assert sources == [
        "https://shop.example",
        "http://shop.example",
        "https://www.shop.example",
        "http://www.shop.example",
        "https://*.pages.example:8443",
        "http://*.pages.example:8443",
        "https://localhost:*",
        "http://localhost:*",
    ]
