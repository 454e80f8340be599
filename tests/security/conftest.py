"""What these tests share with those of sockets."""

from tests.chat.conftest import _session_swift_server, swift_server

__all__ = ["_session_swift_server", "swift_server"]
