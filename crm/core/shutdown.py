"""Has this process been told to go? Then it takes no new traffic and closes its sockets."""

from threading import Event

_told = Event()


def begin() -> None:
    """From now on `/ready` answers 503, so that a load balancer looks elsewhere."""
    _told.set()


def is_draining() -> bool:
    return _told.is_set()
