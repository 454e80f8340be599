"""Backpressure for frames that arrive faster than they are handled."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from chat.errors import SentTooFast
from chat.frames import CloseCode, Frame, Post, Typing
from chat.limits import (
    FLOOD_BURST,
    FLOOD_PER_SECOND,
    FRAME_BURST,
    FRAMES_PER_SECOND,
    MAX_RECEIVED,
)
from crm.core.errors import AppError
from crm.core.token_bucket import TokenBucket


class InboundQueue:
    """Inbound queue of frames, handled sequentially; bounded.

    ``on_idle`` is called whenever the queue becomes empty.
    """

    def __init__(
        self,
        *,
        handle: Callable[[Frame], Awaitable[None]],
        refuse: Callable[[AppError], Awaitable[None]],
        close: Callable[[CloseCode], Awaitable[None]],
        on_idle: Callable[[], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._handle = handle
        self._refuse = refuse
        self._close = close
        self._on_idle = on_idle
        self._start = start
        self._received: deque[Frame] = deque()
        self._is_working = False
        self._is_stopped = False
        self._frames = TokenBucket(FRAME_BURST, FRAMES_PER_SECOND)
        self._floods = TokenBucket(FLOOD_BURST, FLOOD_PER_SECOND)

    @property
    def is_idle(self) -> bool:
        return not self._is_working

    async def put(self, frame: Frame) -> None:
        wait = self._frames.take(asyncio.get_running_loop().time())
        if wait > 0 or len(self._received) >= MAX_RECEIVED:
            await self._refuse_flood(frame, wait or 1.0)
            return
        self._received.append(frame)
        if not self._is_working:
            self._is_working = True
            self._start(self._work())

    def stop(self) -> None:
        """Stop handling frames."""
        self._is_stopped = True
        self._received.clear()

    async def _work(self) -> None:
        try:
            while self._received and not self._is_stopped:
                # It leaves the queue only when it was handled: until then it counts as waiting.
                await self._handle(self._received[0])
                if self._received:
                    self._received.popleft()
        finally:
            self._is_working = False
        await self._on_idle()

    async def _refuse_flood(self, frame: Frame, wait: float) -> None:
        if self._floods.take(asyncio.get_running_loop().time()) > 0:
            await self._close(CloseCode.TOO_FAST)
            return
        if isinstance(frame, Typing):
            return
        extra: dict[str, Any] = {"retry_after": round(max(wait, 0.1), 1)}
        if isinstance(frame, Post):
            extra["client_message_id"] = frame.client_message_id
        await self._refuse(SentTooFast(extra=extra))
