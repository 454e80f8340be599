"""Backpressure for clients that read too slowly."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from django.conf import settings

MAX_WAITING_FRAMES = 256
MAX_WAITING_BYTES = 4 * 1024 * 1024


class WriteBufferLike(Protocol):
    """The write buffer towards a client; see `crm.core.http.server.WriteBuffer`."""

    is_open: bool
    on_open: Callable[[], None] | None


class OutboundQueue:
    """Outbound queue of frames for a client, bounded.

    ``on_stuck`` is called once, when too many frames wait or the client reads nothing for too long.
    Under a server that reports no write buffer, every frame is sent immediately.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        outlet: WriteBufferLike | None,
        on_stuck: Callable[[], None],
    ) -> None:
        self._send = send
        self._outlet = outlet
        self._on_stuck = on_stuck
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._drained: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._is_stopped = False
        if outlet is not None:
            outlet.on_open = self._flush_soon

    async def put(self, text: str) -> None:
        if self._is_stopped:
            return
        if self._is_clear():
            await self._send(text)
            return
        self._waiting.append(text)
        self._bytes += len(text)
        if len(self._waiting) > MAX_WAITING_FRAMES or self._bytes > MAX_WAITING_BYTES:
            self._give_up()
        else:
            self._start_timer()

    async def drained(self) -> None:
        """Wait until the client has read the buffer, before its next frame is handled."""
        while not self._is_stopped and not self._is_clear():
            if self._drained is None:
                self._drained = asyncio.Event()
            self._start_timer()
            await self._drained.wait()

    def stop(self) -> None:
        """Stop sending."""
        self._is_stopped = True
        self._waiting.clear()
        self._cancel_timer()
        self._notify_drained()
        if self._outlet is not None:
            self._outlet.on_open = None

    def _is_clear(self) -> bool:
        return self._outlet is None or (self._outlet.is_open and not self._waiting)

    def _flush_soon(self) -> None:
        self._cancel_timer()
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        while self._waiting and self._outlet is not None and self._outlet.is_open:
            text = self._waiting.popleft()
            self._bytes -= len(text)
            await self._send(text)
        if self._waiting:
            self._start_timer()
        else:
            self._notify_drained()

    def _notify_drained(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _give_up(self) -> None:
        self.stop()
        self._on_stuck()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                settings.CHAT_STUCK_SECONDS, self._give_up
            )

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
