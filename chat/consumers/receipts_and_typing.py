"""Ephemeral client state outside the log: read receipts and typing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from chat.consumers.subscriptions import Subscriptions
from chat.errors import ConversationNotFound
from chat.events import conversation_group
from chat.frames import Seen, Typing
from chat.limits import TYPING_BURST, TYPING_PER_SECOND
from crm.core.errors import AppError
from crm.core.executor import run_sync
from crm.core.store_errors import outage_refusals
from crm.core.token_bucket import TokenBucket

SEEN_EVERY = 1.0
TYPING_EVERY = 2.0


class SeenPositions:
    """Read positions: the first is stored at once, then at most one per second, the latest."""

    def __init__(
        self,
        streams: Subscriptions,
        *,
        refuse: Callable[[AppError], Awaitable[None]],
        on_look: Callable[[str], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._streams = streams
        self._refuse = refuse
        self._on_look = on_look
        self._start = start
        self._waiting: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    async def take(self, frame: Seen) -> None:
        _require(self._streams, frame.stream)
        self._waiting[frame.stream] = max(frame.seq, self._waiting.get(frame.stream, 0))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SEEN_EVERY, self._on_timer)
            await self._store()

    def stop(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    async def _store(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for stream, seq in waiting.items():
            await run_sync(self._streams.viewer.mark_seen, stream=stream, seq=seq)
            await self._on_look(stream)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiting and not self._is_stopped:
            self._start(self._store_late())

    async def _store_late(self) -> None:
        try:
            with outage_refusals():
                await self._store()
        except AppError as refusal:
            await self._refuse(refusal)


class TypingSigns:
    """Typing indicators: sent on change, and every TYPING_EVERY seconds while typing continues."""

    def __init__(
        self,
        streams: Subscriptions,
        *,
        origin: str,
        broadcast: Callable[[str, dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._streams = streams
        self._origin = origin
        self._broadcast = broadcast
        self._sent: dict[str, tuple[bool, float]] = {}
        # Somebody who begins and stops all the time is shown as they were last: clients let a sign
        # lapse by themselves.
        self._changes = TokenBucket(TYPING_BURST, TYPING_PER_SECOND)
        self._me: dict[str, str] | None = None

    async def take(self, frame: Typing) -> None:
        _require(self._streams, frame.stream)
        now = asyncio.get_running_loop().time()
        before, moment = self._sent.get(frame.stream, (False, 0.0))
        if before == frame.is_typing and (not before or now - moment < TYPING_EVERY):
            return
        if self._changes.take(now) > 0:
            return
        await run_sync(self._streams.viewer.require_may_write_to, frame.stream)
        self._sent[frame.stream] = (frame.is_typing, now)
        await self._broadcast(
            conversation_group(self._streams.conversation_ids[frame.stream]),
            {
                "type": "stream.typing",
                "stream": frame.stream,
                "sender": await self._person(),
                "is_typing": frame.is_typing,
                "origin": self._origin,
            },
        )

    async def _person(self) -> dict[str, str]:
        if self._me is None:
            self._me = await run_sync(self._streams.viewer.person)
        return self._me


def _require(streams: Subscriptions, stream: str) -> None:
    if stream not in streams:
        raise ConversationNotFound
