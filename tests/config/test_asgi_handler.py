"""A request over HTTP is worked on in one thread, which serves the next one, too."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from crm.core.http.asgi_handler import Handler
from tests.patience import PATIENCE, await_true
from tests.security.hostile import PARAMETERS

pytestmark = pytest.mark.asyncio

Messages = list[dict[str, Any]]
used: list[Any] = []


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{threading.current_thread().name} {len(request.body)}")


def in_pieces(request: HttpRequest) -> StreamingHttpResponse:
    connection.ensure_connection()
    used.append(connections["default"])
    return StreamingHttpResponse(iter([b"one", b"two"]))


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError


class Held:
    """Requests that wait in their view until they are let go."""

    def __init__(self) -> None:
        self.going = threading.Event()
        self.begun = threading.Semaphore(0)
        self.most = self.now = 0
        self._lock = threading.Lock()

    def view(self, request: HttpRequest) -> HttpResponse:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.release()
        self.going.wait(PATIENCE)
        with self._lock:
            self.now -= 1
        return HttpResponse("held")


held = Held()
urlpatterns = [
    path("where", where),
    path("pieces", in_pieces),
    path("broken", broken),
    path("held", lambda request: held.view(request)),
]


@pytest.fixture
def handler(settings: Any) -> Handler:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    return Handler()


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Give what became of requests, as signals tell it."""
    told: list[str] = []

    def on_start(**kwargs: Any) -> None:
        told.append("started")

    def on_finish(**kwargs: Any) -> None:
        told.append("finished")

    request_started.connect(on_start)
    request_finished.connect(on_finish)
    yield told
    request_started.disconnect(on_start)
    request_finished.disconnect(on_finish)


async def ask(
    handler: Handler,
    where: str,
    *bodies: bytes,
    kind: str = "text/plain",
    query: bytes = b"",
    address: str = "127.0.0.1",
) -> Messages:
    scope = {
        "type": "http",
        "method": "POST",
        "path": where,
        "query_string": query,
        "headers": [(b"host", b"localhost"), (b"content-type", kind.encode("latin-1"))],
        "client": [address, 0],
        "server": ["localhost", 80],
    }
    waiting = [
        {"type": "http.request", "body": body, "more_body": number < len(bodies)}
        for number, body in enumerate(bodies or (b"",), 1)
    ]
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await handler(scope, receive, send)
    return sent


def content(messages: Messages) -> bytes:
    return b"".join(message.get("body", b"") for message in messages[1:])


@pytest.mark.usefixtures("stores_clean")
async def test_requests_share_threads(handler: Handler, told: list[str]) -> None:
    await ask(handler, "/where")
    told.clear()
    threads = threading.active_count()
    for _number in range(30):
        messages = await ask(handler, "/where", b"a", b"bc")
        assert messages[0]["status"] == 200
        name, _, length = content(messages).decode().partition(" ")
        assert name.startswith("request_")
        assert length == "3"
    # A thread may not have told yet that it is free again, so that another one is started.
    assert threading.active_count() < threads + 15
    assert told == ["started", "finished"] * 30


@pytest.mark.usefixtures("stores_clean")
async def test_requests_are_worked_on_beside_each_other(handler: Handler) -> None:
    answers = await asyncio.gather(*(ask(handler, "/where") for _number in range(20)))
    assert {messages[0]["status"] for messages in answers} == {200}


@pytest.mark.usefixtures("stores_clean")
async def test_one_address_does_not_take_all_threads(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.ASGI_REQUESTS_PER_ADDRESS = 2
    handler = Handler()
    mine = Held()
    monkeypatch.setattr(f"{__name__}.held", mine)
    many = [
        asyncio.create_task(ask(handler, "/held", address="2001:db8::1")) for _number in range(6)
    ]
    for _number in range(2):
        assert await asyncio.to_thread(mine.begun.acquire, timeout=PATIENCE)
    # The same network waits; another address does not.
    given_up = asyncio.create_task(ask(handler, "/held", address="2001:db8::2"))
    assert content(await ask(handler, "/where", address="192.0.2.1")).startswith(b"request_")
    assert mine.most == 2
    given_up.cancel()
    # Whoever does not wait for the answer of a running one gives nothing back: its thread works on.
    many[0].cancel()
    assert content(await ask(handler, "/where", address="192.0.2.1")).startswith(b"request_")
    assert mine.most == 2
    mine.going.set()
    answers = await asyncio.gather(*many, given_up, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in answers] == [
        True,
        *[False] * 5,
        True,
    ]
    assert mine.most == 2
    await asyncio.to_thread(
        await_true, lambda: not handler._turns._turns, "A turn was not given back."
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stores_clean")
async def test_what_is_made_while_it_is_sent_is_closed_afterwards(
    handler: Handler, told: list[str]
) -> None:
    with pytest.warns(Warning, match="synchronous iterators"):
        messages = await ask(handler, "/pieces")
    assert content(messages) == b"onetwo"
    # The connection of the thread that began went back at once.
    assert used.pop().connection is None
    assert told == ["started", "finished"]


@pytest.mark.usefixtures("stores_clean")
async def test_a_view_that_fails_is_answered(
    handler: Handler, told: list[str], settings: Any
) -> None:
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    messages = await ask(handler, "/broken")
    assert messages[0]["status"] == 500
    assert told == ["started", "finished"]


async def test_a_client_that_leaves_while_it_sends_is_not_answered(
    handler: Handler, told: list[str]
) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        pytest.fail(f"Sent {message}.")

    await handler({"type": "http"}, receive, send)
    assert told == []


@pytest.mark.parametrize("kind", [f"a/b; {each}" for each in PARAMETERS])
@pytest.mark.parametrize("path", ["/where", "/api/where"])
async def test_a_header_that_cannot_be_parsed_is_no_server_error(
    handler: Handler, told: list[str], kind: str, path: str
) -> None:
    messages = await ask(handler, path, kind=kind)
    assert messages[0]["status"] in {200, 400, 404}
    assert told == ["started", "finished"]


@pytest.mark.parametrize(("kind", "query"), [("a/b; x*=UTF-99''x", b""), ("text/plain", b"a=\xff")])
async def test_a_request_that_cannot_be_parsed_is_refused(
    handler: Handler, told: list[str], kind: str, query: bytes
) -> None:
    of_api = await ask(handler, "/api/where", kind=kind, query=query)
    assert of_api[0]["status"] == 400
    headers = dict(of_api[0]["headers"])
    assert headers[b"Content-Type"] == b"application/problem+json"
    assert headers[b"X-Content-Type-Options"] == b"nosniff"
    assert len(headers[b"X-Request-ID"]) == 32
    assert json.loads(content(of_api))["code"] == "bad_request"
    page = await ask(handler, "/where", kind=kind, query=query)
    assert page[0]["status"] == 400
    assert b"<html" in content(page)
    assert told == ["started", "finished"] * 2
