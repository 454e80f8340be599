"""Shutdown state of the process: while set, it accepts no new traffic and closes its sockets."""

from threading import Event

_requested = Event()


def begin() -> None:
    """Start the shutdown: `/ready` returns 503, so that load balancers stop sending requests."""
    _requested.set()


def is_draining() -> bool:
    return _requested.is_set()
