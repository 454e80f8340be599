"""Whoever drips a request, byte by byte, is cut off; an honest one that comes in pieces is not."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chat.models import Conversation
from crm.authentication.services.api_keys import create_api_key
from crm.organizations.models import Membership
from tests.chat.clients import PATIENCE
from tests.servers import LiveServer, serving

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 1.0
HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
HANDSHAKE = (
    b"GET /ws/widget/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
BODY = (
    b"POST /api/v1/widget/sessions HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\n"
)


@pytest.fixture(scope="module")
def _impatient_server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    impatient: dict[str, Any] = {
        "REQUEST_HEADER_SECONDS": str(SECONDS),
        "REQUEST_BODY_SECONDS": str(SECONDS),
    }
    with serving(tmp_path_factory.mktemp("impatient-server"), **impatient) as server:
        yield server


@pytest.fixture
def server(transactional_db: None, stores_clean: None, _impatient_server: LiveServer) -> LiveServer:
    """A server that waits for a request for a second; the tests of this file share it."""
    return _impatient_server


@contextmanager
def connected(server: LiveServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as line:
        yield line


def drip(line: socket.socket, first: bytes, drop: bytes) -> bytes:
    """Send something and then a drop again and again until the other side ends it."""
    deadline = time.monotonic() + PATIENCE
    line.sendall(first)
    answer = b""
    while time.monotonic() < deadline:
        readable, _writable, _broken = select.select([line], [], [], 0.1)
        try:
            if readable:
                received = line.recv(4096)
                if not received:
                    return answer
                answer += received
            line.sendall(drop)
        except OSError:
            return answer
    pytest.fail("The server waited on.")


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"G", b"E"),
        (HEAD, b"X"),
        (HEAD, b"X-Drop: 1\r\n"),
        (HANDSHAKE, b"X"),
        (BODY + b"Content-Length: 100000\r\n\r\n", b" "),
        (BODY + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["line", "header", "headers", "socket", "body", "chunks"],
)
def test_a_dripping_request_is_cut_off(server: LiveServer, first: bytes, drop: bytes) -> None:
    with connected(server) as line:
        assert drip(line, first, drop) in {
            b"",
            b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        }


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (
            b"GET /?q=" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"414",
            b"address_too_long",
        ),
        (HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n", b"431", b"header_too_long"),
    ],
    ids=["address", "header"],
)
def test_a_line_that_is_too_long_is_answered(
    server: LiveServer, request_: bytes, status: bytes, code: bytes
) -> None:
    with connected(server) as line:
        line.sendall(request_)
        answer = b""
        while received := line.recv(4096):
            answer += received
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b'"code": "' + code + b'"' in answer


PING, EMPTY_PART = b"\x89\x80\0\0\0\0", b"\x00\x80\0\0\0\0"


@pytest.mark.parametrize("frames", [3000 * PING, b"\x01\x80\0\0\0\0" + 3000 * EMPTY_PART])
def test_a_socket_of_nothing_but_frames_is_cut_off(server: LiveServer, frames: bytes) -> None:
    with connected(server) as line:
        line.sendall(HANDSHAKE + b"\r\n")
        assert answer_of(line).startswith(b"HTTP/1.1 101")
        line.sendall(frames)
        pongs = b""
        try:
            while received := line.recv(4096):
                pongs += received
        except ConnectionResetError:
            pass
    # Two bytes each.
    assert len(pongs) <= 2 * 200


def test_a_second_request_of_a_connection_has_its_own_time(server: LiveServer) -> None:
    with connected(server) as line:
        for _number in range(2):
            line.sendall(HEAD + b"\r\n")
            assert answer_of(line).startswith(b"HTTP/1.1 200")
        assert b"408" in drip(line, HEAD, b"X")


def test_a_request_that_comes_in_pieces_is_answered(server: LiveServer) -> None:
    with connected(server) as line:
        for piece in (HEAD[:7], HEAD[7:20], HEAD[20:], b"\r\n"):
            line.sendall(piece)
        assert answer_of(line).startswith(b"HTTP/1.1 200")


def test_an_answer_may_take_longer_than_a_request(
    server: LiveServer, owner: Membership, conversation: Conversation
) -> None:
    key = create_api_key(by=owner, name="k", scopes=["inbox:read"], expires_at=None).text
    path = f"/api/v1/streams/{conversation.stream}/events?after=1&wait=3"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
    with connected(server) as line:
        line.sendall(head.encode())
        assert answer_of(line).startswith(b"HTTP/1.1 200")


def answer_of(line: socket.socket) -> bytes:
    """Read an answer to the end of its body."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += line.recv(4096)
    head, _blank, body = answer.partition(b"\r\n\r\n")
    lengths = [
        int(row.partition(b":")[2])
        for row in head.split(b"\r\n")
        if row.lower().startswith(b"content-length")
    ]
    while lengths and len(body) < lengths[0]:
        body += line.recv(4096)
    return answer
