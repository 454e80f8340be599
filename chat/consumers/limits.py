"""How fast one socket may send, and what becomes of frames that its client does not read."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

# Frames of any kind. A client that comes back sends its outbox in one go.
FRAME_BURST, FRAMES_PER_SECOND = 60.0, 20.0
# Refusals for being too fast, after which the socket is closed.
FLOOD_BURST, FLOOD_PER_SECOND = 200.0, 5.0
# Frames that the protocol does not know, after which the socket is closed.
ERROR_BURST, ERRORS_PER_SECOND = 5.0, 0.1

MAX_WAITING_FRAMES = 256
MAX_WAITING_BYTES = 1024 * 1024
STUCK_SECONDS = 20.0


class TokenBucket:
    """``burst`` at once, ``rate`` a second for ever."""

    __slots__ = ("_burst", "_moment", "_rate", "_tokens")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = self._tokens = burst
        self._rate = rate
        self._moment = 0.0

    def take(self, now: float) -> float:
        """Take one; give 0, or the seconds until there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._moment) * self._rate)
        self._moment = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class OutletLike(Protocol):
    """The buffer towards a client; see `config.server.Outlet`."""

    is_open: bool
    on_open: Callable[[], None] | None


class Outgoing:
    """Frames on their way to a client; a bounded number may wait for it.

    ``on_stuck`` is called once when too many wait, or when the first has waited for too long.
    Under a server that tells nothing of its buffer, every frame is handed to it at once.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        outlet: OutletLike | None,
        on_stuck: Callable[[], None],
    ) -> None:
        self._send = send
        self._outlet = outlet
        self._on_stuck = on_stuck
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._is_stuck = False
        if outlet is not None:
            outlet.on_open = self._flush_soon

    async def put(self, text: str) -> None:
        if self._is_stuck:
            return
        if self._outlet is None or (self._outlet.is_open and not self._waiting):
            await self._send(text)
            return
        self._waiting.append(text)
        self._bytes += len(text)
        if len(self._waiting) > MAX_WAITING_FRAMES or self._bytes > MAX_WAITING_BYTES:
            self._give_up()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STUCK_SECONDS, self._give_up)

    def stop(self) -> None:
        """Send nothing more."""
        self._is_stuck = True
        self._waiting.clear()
        self._cancel_timer()
        if self._outlet is not None:
            self._outlet.on_open = None

    def _flush_soon(self) -> None:
        self._cancel_timer()
        if self._waiting and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        while self._waiting and self._outlet is not None and self._outlet.is_open:
            text = self._waiting.popleft()
            self._bytes -= len(text)
            await self._send(text)
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STUCK_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self.stop()
        self._on_stuck()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
