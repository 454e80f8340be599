"""Who somebody is, remembered for some seconds by a process that hears of every end of access.

Whoever ends access tells all processes (`realtime.kick`), and each forgets what it knew. A process
that does not hear of it, because nobody listens here or because Redis is away, remembers nothing.
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

_hearing: Callable[[], int | None] | None = None
_all: "list[Remembered[Any]]" = []


class Remembered(Generic[T]):
    """Answers by key; safe to be asked by many threads."""

    def __init__(self) -> None:
        # Each with when it ends, and the connection over which its end would have been heard.
        self._entries: dict[str, tuple[T, float, int]] = {}
        self._ends = 0
        _all.append(self)

    def find(self, key: str, ask: Callable[[], tuple[T, float]]) -> T:
        """Give what is remembered, else what ``ask`` says and for how many seconds at most.

        Nothing is kept of an answer during which access ended: it may be of before.
        """
        connection = _hearing() if _hearing else None
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
    """Forget whenever access ended somewhere, or may have while nothing was heard; for ever."""
    global _hearing
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(ACCESS_GROUP, channel)
    _hearing = layer.hearing(ACCESS_GROUP)
    try:
        while True:
            await layer.receive(channel)
            forget_all()
    finally:
        _hearing = None
        forget_all()
