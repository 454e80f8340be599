"""A short-lived cache of authentication results, invalidated whenever access ends.

Whatever ends access notifies all processes (`realtime.kick`), and each clears its cache. A process
that receives no notifications, because it does not listen or Redis is unavailable, caches nothing.
"""

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from channels.layers import get_channel_layer
from django.conf import settings

from crm.core.realtime import ACCESS_GROUP

T = TypeVar("T")
SECONDS = 5.0
LARGEST = 10_000

_connection_id: Callable[[], int | None] | None = None
_all: "list[Remembered[Any]]" = []


class Remembered(Generic[T]):
    """A thread-safe cache by key."""

    def __init__(self) -> None:
        # Value, expiry (monotonic seconds), and the connection that would have received its end.
        self._entries: dict[str, tuple[T, float, int]] = {}
        self._ends = 0
        _all.append(self)

    def find(self, key: str, ask: Callable[[], tuple[T, float]]) -> T:
        """Return the cached value, else call ``ask``, which returns the value and its lifetime in
        seconds.

        A value that was read while access ended is not cached: it may be outdated.
        """
        connection = _connection_id() if _connection_id else None
        if connection is None:
            return ask()[0]
        entry = self._entries.get(key)
        if entry is not None and time.monotonic() < entry[1] and connection == entry[2]:
            return entry[0]
        ends = self._ends
        answer, lasts = ask()
        until = time.monotonic() + min(lasts, SECONDS, settings.CHAT_HEARTBEAT_SECONDS)
        if len(self._entries) >= LARGEST:
            self._entries = {}
        if self._ends == ends:
            self._entries[key] = answer, until, connection
        if self._ends != ends:
            # Looked at again after it was written: an end that comes from now on finds the entry.
            self._entries.pop(key, None)
        return answer

    def forget(self) -> None:
        self._ends += 1
        self._entries = {}


def forget_all() -> None:
    for each in _all:
        each.forget()


async def listen() -> None:
    """Clear the caches at each notice of ended access and each lost connection; runs for ever."""
    global _connection_id
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(ACCESS_GROUP, channel)
    _connection_id = layer.hearing(ACCESS_GROUP)
    try:
        while True:
            await layer.receive(channel)
            forget_all()
    finally:
        _connection_id = None
        forget_all()
