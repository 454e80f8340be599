"""What our server does where Daphne and Autobahn would fail."""

import pytest

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
