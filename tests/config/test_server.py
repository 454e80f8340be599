"""What our server does where Daphne and Autobahn would fail."""

from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from crm.core.http.server import SocketProtocol


@pytest.mark.parametrize(
    "state", [SocketProtocol.STATE_CLOSING, SocketProtocol.STATE_CLOSED], ids=["closing", "closed"]
)
def test_a_frame_for_a_client_that_has_gone_is_dropped(state: int) -> None:
    """The consumer hears of the end later; what it sends until then must not end it by an error."""
    # Without a transport: to write anything would fail.
    socket = SocketProtocol()
    socket.factory = type("Factory", (), {"maxMessagePayloadSize": 0})()
    socket.state, socket.client_addr = state, "somewhere"
    socket.serverSend('{"type": "conversation"}')
    assert socket.state == state


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def open_socket() -> tuple[Any, Transport]:
    socket, transport = SocketProtocol(), Transport()
    socket.factory = type("Factory", (), {"maxMessagePayloadSize": 0})()
    socket.state, socket.client_addr, socket.transport = socket.STATE_OPEN, "somewhere", transport
    socket._perMessageCompress, socket.send_queue = None, []
    return socket, transport


@pytest.mark.parametrize("size", [1, 125, 126, 8192, 8193, 65_535, 65_536])
def test_a_text_becomes_a_frame_as_the_protocol_wants_it(size: int) -> None:
    socket, transport = open_socket()
    text = "đ" + "x" * (size - 2) if size > 1 else "x"
    socket.serverSend(text)
    assert transport.written == [Frame(Opcode.TEXT, text.encode()).serialize(mask=False)]


def test_sockets_share_the_bytes_of_a_text() -> None:
    sockets = [open_socket() for _number in range(3)]
    for socket, _transport in sockets:
        socket.serverSend('{"type": "conversation"}')
    first, *others = [transport.written[0] for _socket, transport in sockets]
    assert all(other is first for other in others)
