"""A socket with cookies is opened by our own pages alone: the same scheme, host and port."""

from typing import Any

import pytest

from chat.consumers.origins import is_own_origin


def scope(origin: str | None, host: str = "crm.example", **more: Any) -> dict[str, Any]:
    headers = [(b"host", host.encode())]
    headers += [(b"origin", origin.encode())] if origin is not None else []
    headers += more.pop("headers", [])
    return {"type": "websocket", "headers": headers, **more}


@pytest.fixture
def hosts(settings: Any) -> Any:
    settings.ALLOWED_HOSTS = ["crm.example"]
    return settings


@pytest.mark.parametrize(
    ("scheme", "origin", "is_own"),
    [
        ("wss", "https://crm.example", True),
        ("wss", "https://crm.example:443", True),
        ("ws", "http://crm.example", True),
        # Loaded without TLS, it could have been changed by anybody on the way.
        ("wss", "http://crm.example", False),
        ("wss", "http://crm.example:443", False),
        ("ws", "https://crm.example", False),
        ("wss", "https://crm.example:8443", False),
        ("wss", "https://crm.example.evil.example", False),
        ("wss", "https://crm.example/path", False),
        ("wss", "null", False),
        ("wss", "https://[", False),
    ],
)
def test_the_scheme_of_a_page_counts(hosts: Any, scheme: str, origin: str, is_own: bool) -> None:  # noqa: FBT001  a parameter
    assert is_own_origin(scope(origin, scheme=scheme), required=True) is is_own


@pytest.mark.parametrize(
    ("told", "origin", "is_own"),
    [
        ("https", "https://crm.example", True),
        ("https", "http://crm.example", False),
        ("http", "http://crm.example", True),
        ("http", "https://crm.example", False),
    ],
)
def test_behind_a_proxy_the_scheme_is_what_the_proxy_says(
    hosts: Any,
    told: str,
    origin: str,
    is_own: bool,  # noqa: FBT001  a parameter
) -> None:
    """As Django's requests read it, so that pages and sockets agree."""
    hosts.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    asked = scope(origin, scheme="ws", headers=[(b"x-forwarded-proto", told.encode())])
    assert is_own_origin(asked, required=True) is is_own


def test_an_origin_that_may_send_forms_may_open_sockets(hosts: Any) -> None:
    hosts.CSRF_TRUSTED_ORIGINS = ["https://crm.example"]
    assert is_own_origin(scope("https://crm.example", scheme="ws"), required=True)
    assert not is_own_origin(scope("https://other.example", scheme="ws"), required=True)


def test_without_an_origin_it_depends_on_whether_one_is_needed(hosts: Any) -> None:
    assert is_own_origin(scope(None), required=False)
    assert not is_own_origin(scope(None), required=True)
