"""Downloads are made while they are read, and few at once."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from crm.core.http.asgi_handler import Handler
from crm.core.http.daphne_request import BoundedRequest
from crm.core.http.server import Server
from crm.core.jobs import kinds
from crm.core.jobs.downloads import MAX_AT_ONCE, download
from crm.core.jobs.kinds import FileInfo
from crm.core.jobs.models import JobChunk
from crm.organizations.models import Membership
from tests.api.conftest import Api
from tests.config.test_pipelined_requests import REQUEST, Connection
from tests.downloads import downloaded
from tests.jobs.counting import finish
from tests.jobs.test_jobs import started

PIECES = 50
PERSON = uuid4()
made: list[int] = []
closed: list[bool] = []


def pieces() -> Iterator[bytes]:
    try:
        for number in range(PIECES):
            made.append(number)
            yield b"x" * 1_000
    finally:
        closed.append(True)


def file(request: HttpRequest) -> HttpResponseBase:
    by: Any = SimpleNamespace(kind="member", user_id=PERSON, impersonation=None)
    return download(by, lambda: (FileInfo("a.txt", "text/plain"), pieces()))


urlpatterns = [path("file", file)]


@pytest.fixture
def handler(settings: Any) -> Handler:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
    made.clear()
    closed.clear()
    return Handler()


async def ask(handler: Handler, send: Any) -> None:
    scope = {"type": "http", "method": "GET", "path": "/file", "query_string": b"", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    await handler(scope | {"client": ["127.0.0.1", 0], "server": ["localhost", 80]}, receive, send)


@pytest.mark.asyncio
@pytest.mark.usefixtures("stores_clean")
async def test_a_piece_is_made_when_the_one_before_was_sent(handler: Handler) -> None:
    reads, full, sent = asyncio.Semaphore(4), asyncio.Event(), bytearray()

    async def send(message: dict[str, Any]) -> None:
        if reads.locked():
            full.set()
        await reads.acquire()
        sent.extend(message.get("body", b""))

    asked = asyncio.create_task(ask(handler, send))
    await full.wait()
    # The head and three pieces were sent; the fourth waits.
    assert (len(made), len(sent), closed) == (4, 3_000, [])
    for _piece in range(PIECES):
        reads.release()
    await asked
    assert (len(made), len(sent), closed) == (PIECES, PIECES * 1_000, [True])


@pytest.mark.asyncio
@pytest.mark.usefixtures("stores_clean")
async def test_of_a_client_that_left_nothing_more_is_made(handler: Handler) -> None:
    async def send(message: dict[str, Any]) -> None:
        if message.get("more_body") and len(made) % 3 == 0:
            raise ConnectionAbortedError

    # It has left its place, too.
    for times in range(1, MAX_AT_ONCE + 2):
        await ask(handler, send)
        assert (len(made), closed) == (3 * times, [True] * times)


class Sent(BoundedRequest):
    """A request whose answer is only noted."""

    def __init__(self, channel: Any) -> None:
        self.channel, self.replies = channel, 0

    def handle_reply(self, message: dict[str, Any]) -> None:
        self.replies += 1


@pytest.fixture
def line() -> Connection:
    line = Connection()
    line.channel.dataReceived(REQUEST)
    return line


async def reply(request: Sent, *, more: bool) -> None:
    server = object.__new__(Server)
    server.connections = {request: {}}
    await server.handle_reply(request, {"type": "http.response.body", "more_body": more})


@pytest.mark.asyncio
async def test_the_server_waits_until_a_part_was_read(line: Connection) -> None:
    request = Sent(line.channel)
    await reply(request, more=True)
    # The transport's buffer is full.
    line.channel.pauseProducing()
    waiting = asyncio.create_task(reply(request, more=True))
    await asyncio.sleep(0)
    assert (request.replies, waiting.done()) == (2, False)
    line.channel.resumeProducing()
    await waiting
    line.channel.pauseProducing()
    await reply(request, more=False)


@pytest.mark.asyncio
async def test_who_waits_for_a_client_is_told_that_it_left(line: Connection) -> None:
    request = Sent(line.channel)
    line.channel.pauseProducing()
    waiting = asyncio.create_task(reply(request, more=True))
    await asyncio.sleep(0)
    # As Twisted does for each request of a connection.
    request.channel = None
    line.channel.connectionLost()
    with pytest.raises(ConnectionAbortedError):
        await waiting


@pytest.mark.django_db
def test_one_person_has_so_many_downloads_at_once(owner: Membership, client: Client) -> None:
    client.force_login(owner.user)
    where = f"/app/settings/jobs/{finish(started(owner)).pk}/file/"
    open_ones = [client.post(where) for _number in range(MAX_AT_ONCE)]
    assert [each.status_code for each in open_ones] == [200] * MAX_AT_ONCE
    refused = client.post(where, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_downloads")
    assert refused["Retry-After"] == "10"
    assert downloaded(open_ones.pop()) == b"0\n1\n2\n"
    open_ones.append(client.post(where))
    assert open_ones[-1].status_code == 200
    for each in open_ones:
        downloaded(each)
    # What was refused for another reason takes no place.
    for _number in range(MAX_AT_ONCE + 1):
        assert client.post(f"/app/settings/jobs/{uuid4()}/file/").status_code == 404
    assert downloaded(client.post(where)) == b"0\n1\n2\n"


@pytest.mark.django_db
def test_a_file_lies_in_rows_of_bounded_length(
    owner: Membership, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "CHUNK", 1)
    job = finish(started(owner))
    assert JobChunk.objects.filter(job=job).count() == 6
    client.force_login(owner.user)
    assert downloaded(client.post(f"/app/settings/jobs/{job.pk}/file/")) == b"0\n1\n2\n"


@pytest.mark.django_db
def test_lists_of_jobs_load_no_reports(owner: Membership, client: Client, operator: Client) -> None:
    client.force_login(owner.user)
    finish(started(owner))
    for ask, where in (
        (client.get, "/app/settings/jobs/"),
        (Api(owner).get, "/api/v1/jobs"),
        (operator.get, "/admin/jobs/job/"),
    ):
        with CaptureQueriesContext(connection) as queries:
            assert ask(where).status_code == 200
        of_jobs = [each["sql"] for each in queries if '"due_at"' in each["sql"]]
        assert of_jobs
        assert not [sql for sql in of_jobs if '"checkpoint"' in sql or '"jobs_job"."result"' in sql]
