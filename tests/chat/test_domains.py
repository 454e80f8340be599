"""What owners type as a site, and the one form that it gets."""

import time

import pytest
from django.utils import translation

from chat.domains import InvalidDomains, domain_of_origin, normalize_domains
from chat.models import Widget
from chat.services.visitors import frame_ancestors, origin_allowed
from crm.core.text.domains import InvalidDomain, display_domain, normalize_domain


@pytest.mark.parametrize(
    ("typed", "normalized"),
    [
        ("shop.example", "shop.example"),
        ("  Shop.Example.  ", "shop.example"),
        ("https://www.shop.example/vi/products?page=2#top", "shop.example"),
        ("http://shop.example:80", "shop.example"),
        ("https://shop.example:443/", "shop.example"),
        ("https://shop.example:8443/a", "shop.example:8443"),
        ("shop.example:8443", "shop.example:8443"),
        ("shop.example:*", "shop.example:*"),
        ("//shop.example/x", "shop.example"),
        ("*.shop.example", "*.shop.example"),
        ("https://*.shop.example/", "*.shop.example"),
        ("WWW.shop.example", "shop.example"),
        ("кофе.рф", "xn--e1ajmy.xn--p1ai"),
        ("https://Café.example", "xn--caf-dma.example"),
        ("cafe\u0301.example", "xn--caf-dma.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("☕.us", "xn--53h.us"),
        ("https://*.I❤️.ws/", "*.xn--i-7iq.ws"),
        ("ab--cd.рф", "ab--cd.xn--p1ai"),
        ("localhost", "localhost"),
        ("localhost:3000", "localhost:3000"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("[::1]:*", "[::1]:*"),
        ("[::1]", "[::1]"),
        ("[::1]:", "[::1]"),
        ("192.168.0.7", "192.168.0.7"),
        ("«shop.example»,", "shop.example"),
    ],
)
def test_a_pasted_site_gets_one_form(typed: str, normalized: str) -> None:
    assert normalize_domain(typed) == normalized
    # And is a form that stays as it is.
    assert normalize_domain(normalized) == normalized


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("shop", "lacks its ending"),
        ("*", "every site"),
        ("*.com", "everybody"),
        ("shop.*.example", "only at the beginning"),
        ("minh@shop.example", "email address"),
        ("my shop.example", "space"),
        ("ftp://shop.example", "begin with https://"),
        ("javascript:alert(1)", "begin with https://"),
        ("shop.example:99999", "port"),
        ("shop.example:abc", "port"),
        ("shop.example:0", "port"),
        ("shop.example:\u0661", "port"),
        ("[::1]:x", "port"),
        ("[::1]:\u0661", "port"),
        ("[::1]:99999", "port"),
        ("[::1]:123456", "port"),
        ("[::1", "neither a domain"),
        ("[::1]8000", "neither a domain"),
        ("[shop.example]:80", "neither a domain"),
        ("https://", "names no site"),
        ("/path", "names no site"),
        ("shop..example", "not a domain"),
        ("-shop.example", "not a domain"),
        ("shop.example; script-src *", "space"),
        ("1.2.3.4.5", "neither a domain"),
        ("*.localhost", "no subdomains"),
        (".".join(["a" * 60] * 5) + ".example", "too long"),
    ],
)
def test_a_line_that_names_no_site_says_why(typed: str, reason: str) -> None:
    with pytest.raises(InvalidDomain, match=reason.replace("*", r"\*")):
        normalize_domain(typed)


def test_a_line_that_is_far_too_long_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(InvalidDomain, match="too long"):
        normalize_domain("a\u0301\u0323" * 500_000)
    assert time.process_time() - began < 0.2


def test_every_wrong_line_is_named_by_its_number() -> None:
    with pytest.raises(InvalidDomains) as caught:
        normalize_domains(["shop.example", "", "shop", "other.example", "a@b.example"])
    assert [error.partition(":")[0] for error in caught.value.errors] == ["Line 3", "Line 5"]


def test_the_same_site_twice_is_one() -> None:
    lines = ["shop.example", "https://www.shop.example/", "SHOP.example:443", ""]
    assert normalize_domains(lines) == ["shop.example"]


def test_reasons_are_told_in_the_readers_language() -> None:
    with translation.override("ru"), pytest.raises(InvalidDomain) as caught:
        normalize_domain("*")
    assert "lacks" not in str(caught.value)
    assert "сайт" in str(caught.value)


def test_a_domain_is_shown_as_people_write_it() -> None:
    assert display_domain("*.xn--e1ajmy.xn--p1ai") == "*.кофе.рф"
    assert display_domain("xn--999.example") == "xn--999.example"


def test_a_domain_stands_for_its_www_too() -> None:
    widget = Widget(allowed_domains=["shop.example", "127.0.0.1", "localhost", "*.pages.example"])
    assert origin_allowed(widget, "https://www.shop.example")
    assert not origin_allowed(widget, "https://www.www.shop.example")
    assert not origin_allowed(widget, "https://shop.www.shop.example")
    assert not origin_allowed(widget, "https://www.127.0.0.1")
    sources = frame_ancestors(widget)
    assert "https://www.shop.example" in sources
    assert not any("www.localhost" in each or "www.127" in each for each in sources)


@pytest.mark.parametrize(
    ("origin", "domain"),
    [
        ("https://www.shop.example", "shop.example"),
        ("http://localhost:5173", "localhost:5173"),
        ("null", None),
        ("", None),
        ("file://", None),
        ("https://a b", None),
        ("https://[x", None),
    ],
)
def test_an_origin_names_its_domain(origin: str, domain: str | None) -> None:
    assert domain_of_origin(origin) == domain
