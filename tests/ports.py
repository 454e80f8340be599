"""Ports for servers that bind them by themselves, a while after they were chosen."""

import os
import random
import socket

# Below the ports that Linux gives to outgoing connections and to whoever binds none in particular,
# and below those of the embedded engines: what is free now is free when the server has loaded.
_PORTS = range(10_240, 20_000)
# Each worker of a parallel run chooses among its own.
_PARTS = 16
_given: set[int] = set()


def free_port() -> int:
    """Give a port of loopback on which nobody listens, and each only once in a run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = [port for port in _PORTS if port % _PARTS == worker % _PARTS and port not in _given]
    for port in random.sample(own, len(own)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("No port of 127.0.0.1 is free for a test's server.")
