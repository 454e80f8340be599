"""Whatever is wrong with a request, the API answers with a problem document and a page with a page.

The URLs are those that the installation has: a new one is tested without a line here. Each run
visits all of them, with a part of the values; which, says the run's seed.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
import pytest_asyncio
from django.conf import settings
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver

from chat.models import Conversation, Widget
from crm.core import stores
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import visit
from tests.servers import LiveServer

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

T = TypeVar("T")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SESSIONS = "/api/v1/widget/sessions"
JSON = {"Content-Type": "application/json"}
LARGE = b" " * 3_000_000
ODD_VALUES: list[Any] = ["\ud800", "\x00", [], {}, -1, 2**70, 1.5, True, None, "\u0661", ""]


@dataclass(frozen=True)
class Route:
    path: str
    methods: frozenset[str]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[Route]:
    """Give every URL of the API as its pattern stands in the resolver, with what may be done."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/"):
            view = getattr(pattern.callback, "cls", None)
            known = {method for method in METHODS if hasattr(view, method.lower())}
            yield Route(f"/{path}", frozenset(known or {"GET"}))


ROUTES = sorted(set(routes()), key=lambda route: route.path)
WRITING = [route for route in ROUTES if route.methods - {"GET"}]
WRITING_METHODS = [
    (route, method) for route in WRITING for method in sorted(route.methods - {"GET"})
]
# So many of the bodies and values are sent to each of them in a run.
TRIED = 4
# Said before anybody reads the body, so that another one cannot be answered otherwise.
NOT_LET_IN = {"not_authenticated", "access_token_invalid"}


def filled(route: Route, conversation: Conversation) -> str:
    values = {"uuid": str(conversation.pk), "int": "1"}

    def value(found: re.Match[str]) -> str:
        if found[2] == "stream":
            return conversation.stream
        return values.get(found[1] or "str", "x")

    return re.sub(r"<(?:(\w+):)?(\w+)>", value, route.path)


@pytest.fixture
def browser(agent: Membership) -> Browser:
    browser = Browser()
    browser.force_login(agent.user)
    return browser


@pytest_asyncio.fixture
async def people(
    unlimited_server: LiveServer, widget: Widget, browser: Browser
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Nobody, a visitor and an agent with all that an agent's page sends."""
    visitor = await visit(unlimited_server, widget.site_key)
    cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={'a' * 32}"
    headers = [{}, visitor.headers, {"Cookie": cookies, "X-CSRFToken": "a" * 32}]
    clients = [
        httpx.AsyncClient(base_url=unlimited_server.base_url, timeout=60, headers=each)
        for each in headers
    ]
    yield clients
    for client in clients:
        await client.aclose()


def told(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json", response.text[:300]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["detail"].endswith((".", "!"))
    return response.status_code, problem["code"]


def some(values: Sequence[T]) -> list[T]:
    """Return a few of the values, other ones for each address and in each run."""
    return random.sample(values, TRIED)


async def forget_limits() -> None:
    """Let go on who was refused more often than one may be: there are many routes."""

    def forget() -> None:
        if keys := list(stores.redis().scan_iter("*ratelimit:*")):
            stores.redis().delete(*keys)

    await run_sync(forget)


async def test_a_wrong_method_is_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    assert SESSIONS in {route.path for route in ROUTES}
    for route in ROUTES:
        await forget_limits()
        wrong = [method for method in METHODS if method not in route.methods]
        # One that is not known is refused elsewhere than those that this route does not have.
        tried = [*random.sample(("TRACE", "BREW"), 1), *random.sample(wrong, min(2, len(wrong)))]
        for client in people:
            for method in tried:
                response = await client.request(method, filled(route, conversation), headers=JSON)
                status, code = told(response)
                refused = (status, code) == (405, "method_not_allowed") and response.headers[
                    "Allow"
                ]
                assert refused or status in {401, 403}, (method, route.path, code)
                # One that this route does not have is enough of whoever is not let in.
                if code in NOT_LET_IN and method in METHODS:
                    break


BROKEN = [
    (JSON, b"[" * 100_000, "invalid_json"),
    (JSON, b'{"a":' * 100_000, "invalid_json"),
    (JSON, b"{", "invalid_json"),
    (JSON, b'"\xff"', "invalid_json"),
    (JSON, b'{"a": NaN}', "invalid_json"),
    (JSON, b'{"a": -Infinity}', "invalid_json"),
    (JSON, b'{"a": 1, "a": 2}', "invalid_json"),
    ({"Content-Type": "text/plain"}, b"{}", "unsupported_media_type"),
    ({"Content-Type": "multipart/form-data"}, b"{}", "unsupported_media_type"),
    ({}, b"{}", "unsupported_media_type"),
]


# What reads a file, and no JSON.
READING_FORMS = {"/api/v1/imports", "/api/v1/imports/<uuid:import_id>/parts"}


async def test_a_broken_body_is_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    met = set()
    for route, method in WRITING_METHODS:
        await forget_limits()
        tried = some(BROKEN)
        for client in people:
            for headers, body, expected in tried:
                response = await client.request(
                    method, filled(route, conversation), headers=headers, content=body
                )
                if response.is_success:
                    # What needs no body does not read one.
                    assert "html" not in response.headers.get("Content-Type", "")
                    continue
                status, code = told(response)
                met.add(code)
                is_refused_before = status in {401, 403, 404, 409}
                if route.path in READING_FORMS:
                    is_form = headers.get("Content-Type", "").startswith("multipart/")
                    expected = "invalid_form" if is_form else "unsupported_media_type"
                assert code == expected or is_refused_before, (route.path, body[:20], code)
                # One is enough of whoever is not let in.
                if code in NOT_LET_IN:
                    break
    assert {"invalid_json", "unsupported_media_type"} <= met


async def test_values_that_no_field_can_hold_are_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    """Whatever the fields are called: what is not known is ignored, or refused, but never fails."""
    names = ["site_key", "content", "seq", "assignee", "until", "language", "client_message_id"]
    headers = {**JSON, "Idempotency-Key": "a-1"}
    for route, method in WRITING_METHODS:
        tried = some(ODD_VALUES)
        for client in people:
            for value in tried:
                body = json.dumps(dict.fromkeys(names, value)).encode()
                response = await client.request(
                    method, filled(route, conversation), headers=headers, content=body
                )
                if response.is_success:
                    continue
                status, code = told(response)
                assert 400 <= status < 500, (route.path, value)
                if code in NOT_LET_IN:
                    break


async def test_a_foreign_charset_is_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    for route in WRITING:
        for charset in ("utf-16", "base64", "unicode_escape", "nothing"):
            headers = {"Content-Type": f"application/json; charset={charset}"}
            for method in route.methods - {"GET"}:
                response = await people[2].request(
                    method, filled(route, conversation), headers=headers, content=b"{}"
                )
                assert told(response) == (415, "unsupported_media_type"), route.path


async def in_chunks() -> AsyncIterator[bytes]:
    for start in range(0, len(LARGE), 100_000):
        yield LARGE[start : start + 100_000]


async def test_a_body_that_is_too_large_is_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    for route in WRITING:
        for content in (LARGE, in_chunks()):
            path = filled(route, conversation)
            response = await people[2].post(path, headers=JSON, content=content)
            assert told(response) == (413, "body_too_large"), route.path
            assert response.json()["max_bytes"] == settings.MAX_BODY_BYTES


async def test_a_body_in_chunks_is_read_like_any_other(
    web_server: LiveServer, widget: Widget
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"site_key": '
        yield json.dumps(widget.site_key).encode() + b"}"

    async with httpx.AsyncClient(base_url=web_server.base_url, timeout=60) as http:
        response = await http.post(SESSIONS, headers=JSON, content=body())
    assert response.status_code == 201


UNKNOWN = ["/api/", "/api/v1/nothing", "/api/v9/widget/sessions", f"{SESSIONS}/", "/api/%00"]


async def test_an_unknown_path_of_the_api_is_not_found(people: list[httpx.AsyncClient]) -> None:
    for path in UNKNOWN:
        for method in METHODS:
            for client in people:
                response = await client.request(method, path, headers={"Accept": "text/html"})
                assert told(response) == (404, "not_found"), path


async def test_an_unknown_host_is_refused(people: list[httpx.AsyncClient]) -> None:
    evil = {"Host": "evil.example"}
    for client in people:
        assert told(await client.post(SESSIONS, headers=evil)) == (400, "unknown_host")
        page = await client.get("/login/", headers=evil)
        assert (page.status_code, "auth-card" in page.text) == (400, True)
        assert "unknown_host" in page.text


async def test_a_request_of_another_site_is_refused(
    people: list[httpx.AsyncClient], conversation: Conversation
) -> None:
    path = f"/api/v1/conversations/{conversation.pk}/close"
    response = await people[2].post(path, headers={"X-CSRFToken": "b" * 32})
    assert told(response) == (403, "csrf_failed")
    page = await people[2].post("/logout/", headers={"X-CSRFToken": "b" * 32})
    assert (page.status_code, "auth-card" in page.text) == (403, True)


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "word"),
    [
        ("POST", "/login/", LARGE, 413, "body_too_large"),
        ("POST", "/login/", None, 413, "body_too_large"),
        ("PUT", "/login/", b"", 405, "method_not_allowed"),
        ("DELETE", "/demo/", b"", 405, "method_not_allowed"),
        ("GET", "/nothing/", b"", 404, "There is nothing here"),
    ],
)
async def test_a_page_that_cannot_be_is_explained_on_a_page(
    people: list[httpx.AsyncClient],
    method: str,
    path: str,
    content: bytes | None,
    status: int,
    word: str,
) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": "a" * 32}
    for client in people:
        client.headers["Cookie"] = client.headers.get("Cookie", f"csrftoken={'a' * 32}")
        sent = in_chunks() if content is None else content
        page = await client.request(method, path, headers=kind, content=sent)
        assert page.status_code == status
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "auth-card" in page.text
        assert word in page.text


async def test_a_form_in_a_foreign_charset_is_refused(people: list[httpx.AsyncClient]) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        page = await people[0].post(
            "/login/", headers={"Content-Type": f"{kind}; charset=base64"}, content=b"a=b"
        )
        assert (page.status_code, "auth-card" in page.text) == (415, True)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /api/v1/\xff HTTP/1.1"], 400),
        (["GET /api/v1/x?a=\xff HTTP/1.1"], 400),
        (["GET /api/v1/x HTTP/1.1", "a b: c"], 400),
        (["POST /api/v1/widget/sessions HTTP/1.1", "Content-Length: x"], 400),
        (["POST /api/v1/widget/sessions HTTP/1.1", "Content-Length: -1"], 400),
        (["POST /api/v1/widget/sessions HTTP/1.1", f"Content-Length: {10**30}"], None),
        (["POST /api/v1/widget/sessions HTTP/1.1", "Content-Length: 1"], 415),
    ],
)
async def test_what_is_no_request_gets_no_page(
    web_server: LiveServer, lines: list[str], status: int | None
) -> None:
    """Also where the length that was told is a lie: what follows is no request of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web_server.port)
    head = [*lines, f"Host: 127.0.0.1:{web_server.port}", "Connection: close", "", "{}{}"]
    writer.write("\r\n".join(head).encode("latin-1"))
    if status is None:
        # It waits for the rest; here is none.
        writer.write_eof()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    assert b"<" not in answer
    if status is not None:
        assert int(answer.split()[1]) == status


async def test_a_body_without_end_is_cut_off(web_server: LiveServer) -> None:
    """The server keeps none of it, and does not read for ever."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", web_server.port)
    head = [f"POST {SESSIONS} HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked", "", ""]
    writer.write("\r\n".join(head).encode())
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sent = 0
    async with asyncio.timeout(60):
        while sent < 200:
            try:
                writer.write(chunk)
                await writer.drain()
            except OSError:
                break
            sent += 1
    writer.transport.abort()
    assert sent < 100
