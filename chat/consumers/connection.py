"""The connection of a socket: messages in turn, frames out, background work and its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

from chat.consumers.outbound_queue import OutboundQueue
from chat.frames import CloseCode, encode
from chat.participants import Viewer
from crm.core import tenancy

logger = logging.getLogger(__name__)
Source = Callable[[], Awaitable[dict[str, Any]]]


class SocketConnection(AsyncWebsocketConsumer):
    """A WebSocket without a protocol of its own; ``is_welcome``: ``viewer`` is identified."""

    viewer: Viewer
    out: OutboundQueue
    _loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.is_welcome = False
        self._is_closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Source, send: Any) -> None:
        """Handle messages of the client and the layer one at a time, until the client disconnects.

        Channels creates two tasks per message and waits for both of them.
        """
        self.scope, self.base_send = scope, send
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        self.channel_name = await self.channel_layer.new_channel()
        turns = asyncio.Lock()
        sources: list[Source] = [receive, partial(self.channel_layer.receive, self.channel_name)]
        tasks = [asyncio.ensure_future(self._handle_all(source, turns)) for source in sources]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The layer forgets the channel of a reader that is cancelled.
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, StopConsumer):
                raise end

    async def _handle_all(self, source: Source, turns: asyncio.Lock) -> None:
        while True:
            message = await source()
            async with turns:
                await self.dispatch(message)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler directly, not through Channels' single shared thread."""
        with self._whose_rows():
            await getattr(self, get_handler_name(message))(message)

    async def send_frame(self, frame: dict[str, Any]) -> None:
        await self.send_encoded(encode(frame))

    async def send_encoded(self, text: str) -> None:
        if not self._is_closing:
            await self.out.put(text)

    async def close_with(self, code: CloseCode | int) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        self.stop_queues()
        await self.close(code=int(code))

    def stop_queues(self) -> None:
        """Stop handling and sending frames."""
        self.out.stop()

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)

    def _on_stuck(self) -> None:
        logger.info("A client does not read what it is sent: its socket is closed.")
        self._start(self.close_with(CloseCode.TOO_SLOW))

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        context = copy_context()
        if self.is_welcome:
            # Whoever calls: the heartbeat has none, or another socket's.
            context.run(tenancy.enter, self.viewer.organization_id)
        task: asyncio.Task[None] = self._loop.create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _whose_rows(self) -> AbstractContextManager[None]:
        if self.is_welcome:
            return tenancy.organization(self.viewer.organization_id)
        return tenancy.no_tenant()

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            if self._is_closing:
                logger.debug("A socket's work ended with the socket.", exc_info=error)
                return
            logger.error("A socket's work failed: the socket is closed.", exc_info=error)
            self._start(self.close_with(1011))
