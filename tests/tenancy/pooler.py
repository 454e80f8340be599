"""A transaction pooler as small as one can be: after each transaction the server connection goes
to whoever asks next, as PgBouncer does it with ``pool_mode = transaction``.
"""

import queue
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.patience import PATIENCE

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_HEADER = 5
# Fewer than clients: whoever wants one takes what another has just left.
MAX_SERVERS = 2


class TransactionPooler:
    """Listens at ``port`` of loopback; ``switches`` counts when a client got another server."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._idle: queue.Queue[socket.socket] = queue.Queue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.clients = 0
        self._servers = 0
        self.switches = 0
        self._open: list[socket.socket] = []

    def serve(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self.clients += 1
            threading.Thread(target=self._serve_one, args=[client], daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def _serve_one(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError):
            last = self._begin(client)
            while True:
                message = _message(client)
                if message[:1] == b"X":
                    return
                server = self._idle.get(timeout=PATIENCE)
                self.switches += server is not last
                last = server
                while self._pass_on(client, server, message):
                    # In a transaction: it stays with this client.
                    message = _message(client)
                self._idle.put(server)

    def _begin(self, client: socket.socket) -> socket.socket:
        """Let the client log in by a server connection, which then is everybody's or goes."""
        while True:
            (length,) = struct.unpack("!I", _exactly(client, 4))
            body = _exactly(client, length - 4)
            if struct.unpack("!I", body[:4])[0] not in {_SSL_REQUEST, _GSS_REQUEST}:
                break
            client.sendall(b"N")
        server = socket.create_connection(self._server)
        self._open.append(server)
        server.sendall(struct.pack("!I", length) + body)
        while True:
            answer = _message(server)
            client.sendall(answer)
            if answer[:1] == b"Z":
                self._servers += 1
                if self._servers > MAX_SERVERS:
                    server.close()
                else:
                    self._idle.put(server)
                return server
            asks = (
                struct.unpack("!I", answer[_HEADER : _HEADER + 4])[0] if answer[:1] == b"R" else 0
            )
            if asks in {10, 11}:  # SASL, and SASL goes on: the client's turn
                server.sendall(_message(client))

    def _pass_on(self, client: socket.socket, server: socket.socket, message: bytes) -> bool:
        """Carry one message and its answer; say whether a transaction is open then."""
        server.sendall(message)
        while True:
            answer = _message(server)
            client.sendall(answer)
            if answer[:1] == b"Z":
                return answer[-1:] != b"I"


@contextmanager
def pooling(host: str, port: int) -> Iterator[TransactionPooler]:
    pooler = TransactionPooler((host, port))
    thread = threading.Thread(target=pooler.serve, daemon=True)
    thread.start()
    try:
        yield pooler
    finally:
        pooler.close()
        thread.join(10)


def _message(source: socket.socket) -> bytes:
    header = _exactly(source, _HEADER)
    (length,) = struct.unpack("!I", header[1:])
    return header + _exactly(source, length - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = source.recv(count - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
