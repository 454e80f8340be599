"""Whoever comes through our proxies is counted under their own address, however it is written."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from chat.models import Widget
from crm.core.http.forwarded import (
    counted_address,
    forwarded_address,
    forwarded_proto,
    parse_address,
)
from crm.core.http.server import Server
from crm.core.http.unbelieved_proxy import ADDRESSES, PEERS
from tests.servers import serving


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:50123", "203.0.113.7"),
        ('"203.0.113.7:50123"', "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:DB8::7]:443", "2001:db8::7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_read_with_port_brackets_quotes_and_zone(text: str, address: str) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "_hidden",
        "203.0.113.7:",
        "203.0.113.7:port",
        "203.0.113.7:123456",
        "203.0.113",
        "203.0.113.256",
        "[203.0.113.7",
        "[]",
        "[2001:db8::7]443",
        "2001:db8::7]:443",
        "203.0.113.7, 198.51.100.1",
        "٢٠٣.٠.١١٣.٧",
        "x" * 10_000,
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("values", "proxies", "address"),
    [
        (["203.0.113.7"], 1, "203.0.113.7"),
        (["203.0.113.7:50123"], 1, "203.0.113.7"),
        # What a client claims stands in front of what our proxy appended.
        (["198.51.100.66, 203.0.113.7"], 1, "203.0.113.7"),
        (["198.51.100.66", "203.0.113.7"], 1, "203.0.113.7"),
        (["198.51.100.66, 203.0.113.7, 10.0.0.2"], 2, "203.0.113.7"),
        # It came past the outer proxy.
        (["203.0.113.7"], 2, "203.0.113.7"),
        (["203.0.113.7, garbage"], 1, None),
        (["garbage"], 1, None),
        ([""], 1, None),
        ([], 1, None),
        (["203.0.113.7"], 0, None),
    ],
)
def test_the_trusted_proxies_are_counted_from_the_right(
    values: list[str], proxies: int, address: str | None
) -> None:
    headers = [(b"X-Forwarded-For", value.encode()) for value in values]
    assert forwarded_address(headers, proxies=proxies) == address


@pytest.mark.parametrize(
    ("value", "proto"),
    [("https", "https"), ("HTTP", "http"), ("https, http", "https"), ("ftp", None), ("", None)],
)
def test_the_scheme_is_one_that_we_speak(value: str, proto: str | None) -> None:
    assert forwarded_proto([(b"x-forwarded-proto", value.encode())]) == proto


def test_one_network_of_ipv6_is_one_subject() -> None:
    assert counted_address("[2001:db8::7]:1") == counted_address("2001:db8::ffff:1")
    assert counted_address("2001:db8::7") != counted_address("2001:db8:0:1::7")
    assert counted_address("203.0.113.7:50123") == counted_address("::ffff:203.0.113.7")


@pytest.mark.django_db(transaction=True)
def test_visitors_behind_a_proxy_are_not_all_one_subject(
    widget: Widget, stores_clean: None, tmp_path: Path
) -> None:
    """A port or brackets made every visitor the same unknown one."""
    limits: dict[str, Any] = {"RATE_LIMITS": "widget_session.address=1/3600"}
    with (
        serving(tmp_path, flags=("--proxy-headers",), **limits) as server,
        httpx.Client(base_url=server.base_url, timeout=60) as client,
    ):

        def status(forwarded: str) -> int:
            answer = client.post(
                "/api/v1/widget/sessions",
                json={"site_key": widget.site_key},
                headers={"X-Forwarded-For": forwarded},
            )
            return answer.status_code

        for first, again in (
            ("203.0.113.7:50123", "203.0.113.7:50999"),
            ("203.0.113.8", "198.51.100.66, 203.0.113.8"),
            ("[2001:db8:1::7]:50123", "2001:db8:1::8"),
            # No address at all: the peer is counted.
            ("garbage", "other garbage"),
        ):
            assert (status(first), status(again)) == (201, 429), first


def test_a_proxy_that_is_not_believed_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(None, endpoints=["tcp:port=0"])

    def come(peer: str, *addresses: str) -> None:
        for address in addresses:
            headers = [(b"x-forwarded-for", address.encode())]
            scope = {"type": "http", "headers": headers, "client": [peer, 1]}
            server.see_client(scope)
            assert scope["client"] == [peer, 1]

    many = [f"203.0.113.{number}" for number in range(ADDRESSES)]
    # Who claims a few addresses, or the same again and again, is no proxy.
    come("10.0.0.1", *many[:-1], *many[:-1], "nonsense")
    for number in range(2 * PEERS):
        come(f"10.1.0.{number}", "203.0.113.1")
    assert not caplog.records
    come("10.0.0.2", *many, *many)
    come("10.0.0.3", *many)
    (record,) = caplog.records
    assert record.metadata["action"] == "proxy.unbelieved"  # type: ignore[attr-defined]
