"""The stream subscriptions of one socket and their positions."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from chat.errors import ConversationNotFound
from chat.events import conversation_group
from chat.frames import MAX_STREAMS
from chat.participants import Viewer, conversation_id_of
from chat.replay import EventPage, read_after
from crm.core.errors import StoreUnavailable
from crm.core.executor import run_sync
from crm.core.observability import metrics
from crm.core.store_errors import outage_refusals


@dataclass(slots=True)
class Subscription:
    """``last`` is the seq of the last event sent; the lock keeps events in order."""

    conversation_id: UUID
    last: int
    is_live: bool = True
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Groups(Protocol):
    """The used part of the channel layer's interface."""

    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...


class Subscriptions:
    """The streams of one socket: at most MAX_STREAMS; the least recently used is dropped."""

    def __init__(
        self,
        *,
        viewer: Viewer,
        layer: Groups,
        channel: str,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        send_encoded: Callable[[str], Awaitable[None]],
    ) -> None:
        self.viewer = viewer
        self._layer = layer
        self._channel = channel
        self._send = send
        self._send_encoded = send_encoded
        self._all: OrderedDict[str, Subscription] = OrderedDict()

    def __contains__(self, stream: str) -> bool:
        return stream in self._all

    @property
    def conversation_ids(self) -> dict[str, UUID]:
        return {stream: each.conversation_id for stream, each in self._all.items()}

    async def follow(self, stream: str, *, after: int, epoch: str | None = None) -> EventPage:
        """Send the events after ``after`` as one ``stream.resumed``, then continue live.

        The group is joined before the log is read, and wakeups wait for the lock meanwhile, so no
        event is missed or sent twice.
        """
        is_new = stream not in self._all
        subscription = await self._subscription(stream, after)
        async with subscription.lock:
            try:
                if is_new:
                    await self._join(subscription)
                stretch = await self._read(stream, after=after, epoch=epoch, checks_access=is_new)
            except BaseException:
                if is_new:
                    await self._drop(stream)
                raise
            await self._send({"type": "stream.resumed", **stretch.members()})
            subscription.last = max(stretch.to, 0 if is_new else subscription.last)
        return stretch

    async def join(self, stream: str, *, after: int) -> None:
        """Subscribe to a stream that the client has just posted to.

        Raise nothing, because the message is stored: what cannot be read now is read at the next
        wakeup or heartbeat.
        """
        if stream in self._all:
            return
        subscription = await self._subscription(stream, after)
        async with subscription.lock:
            await self._join(subscription)
            await self._heal(stream, subscription, by="")

    async def take_hint(self, stream: str, seq: int, event: str) -> None:
        """Send an announced event, encoded, preceded by any missed ones."""
        subscription = self._all.get(stream)
        if subscription is None:
            return
        async with subscription.lock:
            if not subscription.is_live or seq <= subscription.last:
                return
            if seq == subscription.last + 1:
                subscription.last = seq
                await self._send_encoded(event)
            else:
                await self._heal(stream, subscription, by="hint")

    async def take_top(self, stream: str, top: int) -> None:
        """Send the events up to ``top``, the conversation's last seq, that no wakeup announced."""
        subscription = self._all.get(stream)
        if subscription is None or top <= subscription.last:
            return
        async with subscription.lock:
            if subscription.is_live and top > subscription.last:
                await self._heal(stream, subscription, by="heartbeat")

    async def read_again(self) -> None:
        """Send what was missed in every stream, after the channel layer reconnected."""
        for stream, subscription in list(self._all.items()):
            async with subscription.lock:
                if subscription.is_live:
                    await self._heal(stream, subscription, by="hint")

    async def end(self, stream: str) -> None:
        """Send ``conversation.gone`` and unsubscribe: the viewer may no longer see the
        conversation.
        """
        await self._drop(stream)
        await self._send({"type": "conversation.gone", "stream": stream})

    async def leave_all(self) -> None:
        for stream in list(self._all):
            await self._drop(stream)

    async def _subscription(self, stream: str, after: int) -> Subscription:
        subscription = self._all.get(stream)
        if subscription is None:
            subscription = Subscription(conversation_id_of(stream), last=after)
            await self._make_room()
            self._all[stream] = subscription
        self._all.move_to_end(stream)
        return subscription

    async def _join(self, subscription: Subscription) -> None:
        await self._layer.group_add(conversation_group(subscription.conversation_id), self._channel)

    async def _heal(self, stream: str, subscription: Subscription, *, by: str) -> None:
        try:
            stretch = await self._read(stream, after=subscription.last, epoch=None)
        except StoreUnavailable:
            # `last` stays: the next hint or heartbeat tries again.
            return
        except ConversationNotFound:
            await self.end(stream)
            return
        if not stretch.recovered:
            await self._send({"type": "stream.resumed", **stretch.members()})
        elif stretch.events and by:
            metrics.ws_gap_heals_total.labels(by=by).inc()
        for event in stretch.events:
            await self._send(dict(event))
        subscription.last = max(stretch.to, subscription.last)

    async def _read(
        self, stream: str, *, after: int, epoch: str | None, checks_access: bool = False
    ) -> EventPage:
        viewer = self.viewer

        def read() -> EventPage:
            present = viewer.renewed() if checks_access else viewer
            return read_after(present, stream=stream, epoch=epoch, after=after)

        with outage_refusals():
            return await run_sync(read)

    async def _make_room(self) -> None:
        while len(self._all) >= MAX_STREAMS:
            await self._drop(next(iter(self._all)))

    async def _drop(self, stream: str) -> None:
        subscription = self._all.pop(stream, None)
        if subscription is not None:
            subscription.is_live = False
            await self._layer.group_discard(
                conversation_group(subscription.conversation_id), self._channel
            )
