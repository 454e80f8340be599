"""The channel layer: Redis publish and subscribe with automatic resubscription.

`RedisPubSubChannelLayer` of channels_redis declares ``on_disconnect`` and ``on_reconnect`` but
calls neither, and raises in the connecting consumer while Redis is unavailable. Here a subscription
is confirmed by the server where that is possible, and renewed after every lost connection, followed
by a ``layer.reconnected`` event to each consumer, which then reads its logs again.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgpack  # type: ignore[import-untyped]
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, create_pool, decode_hosts
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from crm.core import channel_signing

logger = logging.getLogger(__name__)

T = TypeVar("T")


class SharedMessage(dict[str, Any]):
    """A message shared by all consumers of the process: deserialized once and never changed."""

    __slots__ = ("_made",)

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return ``make()``, computed by the first consumer and shared with the others."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made


@dataclass(frozen=True, slots=True)
class StateMessages:
    """How messages of one type are coalesced: the latest state of one object replaces earlier ones.

    ``thing`` returns the object's key, ``version`` its order. An urgent message is forwarded at
    once and drops a waiting one unless that is later.
    """

    thing: Callable[[SharedMessage], Hashable]
    version: Callable[[SharedMessage], Any]
    is_urgent: Callable[[SharedMessage], bool]


_state_messages: dict[str, StateMessages] = {}


def thin_out(message_type: str, how: StateMessages) -> None:
    """Coalesce messages of this type: at most one per object every STATE_SECONDS."""
    _state_messages[message_type] = how


RECONNECTED = SharedMessage({"type": "layer.reconnected"})
# A consumer that falls this far behind is better served by reading its logs again.
QUEUE_LENGTH = 1000
CONFIRM_SECONDS = 2.0
SILENCE_SECONDS = 15.0
MAX_PAUSE_SECONDS = 2.0
STATE_SECONDS = 0.05
_BATCH = 500
_RESUMED = b"resumed"
# What msgpack raises for bytes that are no message.
_NO_MESSAGE = (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException)


class ChannelLayer(RedisPubSubChannelLayer):
    """One subscribing connection per event loop and Redis host."""

    def deserialize(self, message: Any) -> Any:
        """Return the message that `deliver` has already deserialized."""
        return message

    def read(self, data: bytes) -> SharedMessage | None:
        """Return a deserialized message, or None if it is invalid."""
        try:
            message = super().deserialize(data)
        except _NO_MESSAGE:
            return None
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            return SharedMessage(message)
        return None

    def hearing(self, group: str) -> Callable[[], int | None]:
        """Return a callable: the id of the connection that this group is subscribed on, else None.

        Call `hearing` on the event loop; the returned callable is safe in any thread.
        """
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        subscriber: _Subscriber = layer._get_shard(name)
        return lambda: subscriber.connection_of(name)

    def _get_layer(self) -> "_LoopLayer":
        loop = asyncio.get_running_loop()
        layer: _LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = _LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            self._layers[loop] = layer
            _wrap_close(self, loop)
        return layer


class _LoopLayer(RedisPubSubLoopLayer):
    def __init__(self, hosts: Any = None, **kwargs: Any) -> None:
        super().__init__(hosts=hosts, **kwargs)
        self._shards = [_Subscriber(host, self) for host in decode_hosts(hosts)]
        # Things that were told of less than STATE_SECONDS ago, each with what waits to be told.
        self._recent: dict[tuple[str, str, Hashable], SharedMessage | None] = {}

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = asyncio.Queue()
        await self._get_shard(channel).subscribe(channel)

    def deliver(self, name: str, sealed: bytes) -> None:
        """Deserialize a message once and deliver it to the waiting consumers.

        A message without a valid signature is logged and dropped.
        """
        data = channel_signing.unseal(name, sealed)
        if data is None:
            logger.warning("A message of the channel layer is none of ours.")
            return
        message = self.channel_layer.read(data)
        if message is None:
            logger.warning("A message of the channel layer could not be read.")
            return
        how = _state_messages.get(message["type"])
        if how is None:
            self._pass_on(name, message)
        else:
            self._thin_out(name, message, how)

    def _thin_out(self, name: str, message: SharedMessage, how: StateMessages) -> None:
        key = (name, message["type"], how.thing(message))
        waiting = self._recent.get(key)
        is_latest = waiting is None or how.version(message) >= how.version(waiting)
        if how.is_urgent(message):
            if is_latest and waiting is not None:
                self._recent[key] = None
            self._pass_on(name, message)
        elif key not in self._recent:
            self._begin_pause(key)
            self._pass_on(name, message)
        elif is_latest:
            self._recent[key] = message

    def _begin_pause(self, key: tuple[str, str, Hashable]) -> None:
        self._recent[key] = None
        asyncio.get_running_loop().call_later(STATE_SECONDS, self._end_pause, key)

    def _end_pause(self, key: tuple[str, str, Hashable]) -> None:
        waiting = self._recent.pop(key, None)
        if waiting is not None:
            self._begin_pause(key)
            self._pass_on(key[0], waiting)

    def _pass_on(self, name: str, message: SharedMessage) -> None:
        if name in self.channels:
            self._put(name, message)
        for channel in self.groups.get(name, ()):
            self._put(channel, message)

    def notify_reconnected(self) -> None:
        for channel in self.channels:
            self._put(channel, RECONNECTED)

    def _put(self, channel: str, message: SharedMessage) -> None:
        queue = self.channels.get(channel)
        if queue is None:
            return
        if queue.qsize() >= QUEUE_LENGTH:
            while not queue.empty():
                queue.get_nowait()
            message = RECONNECTED
        queue.put_nowait(message)


class _Subscriber:
    """The subscriptions of one event loop at one Redis host."""

    def __init__(self, host: dict[str, Any], layer: _LoopLayer) -> None:
        self._layer = layer
        # RESP2: replies and messages come as lists, in the order in which Redis sent them.
        self._pool = create_pool(
            {"socket_connect_timeout": 2, "socket_timeout": 5, **host, "protocol": 2}
        )
        self._publisher = Redis(connection_pool=self._pool)
        self._wanted: set[str] = set()
        self._confirmed: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._connection: AbstractConnection | None = None
        self._listener: asyncio.Task[None] | None = None
        self._is_away = False
        self._connections = 0

    def connection_of(self, channel: str) -> int | None:
        """Return the id of the connection that a channel is subscribed on, else None."""
        return self._connections if channel in self._confirmed else None

    async def publish(self, channel: str, message: bytes) -> None:
        await self._publisher.publish(channel, channel_signing.seal(channel, message))

    async def subscribe(self, channel: str) -> None:
        """Subscribe; return when Redis has confirmed it, or at once while Redis is unavailable."""
        self._wanted.add(channel)
        if channel in self._confirmed:
            return
        waiting = self._waiting.get(channel)
        if waiting is None:
            waiting = self._waiting[channel] = asyncio.get_running_loop().create_future()
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen_for_ever())
        await self._ask("SUBSCRIBE", [channel])
        if self._is_away:
            return
        try:
            await asyncio.wait_for(asyncio.shield(waiting), CONFIRM_SECONDS)
        except TimeoutError:
            logger.warning("Redis did not confirm a subscription in time.")

    async def unsubscribe(self, channel: str) -> None:
        self._wanted.discard(channel)
        self._confirmed.discard(channel)
        if waiting := self._waiting.pop(channel, None):
            waiting.cancel()
        await self._ask("UNSUBSCRIBE", [channel])

    async def flush(self) -> None:
        """Clear all subscriptions and close the connections when the event loop ends."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None
        self._wanted.clear()
        await self._publisher.aclose(close_connection_pool=True)

    async def _ask(self, command: str, channels: Iterable[str]) -> None:
        connection = self._connection
        if connection is None:
            return
        if command == "SUBSCRIBE":
            self._asked.update(channels)
        try:
            await connection.send_command(command, *channels, check_health=False)
        except (RedisError, OSError):
            # The listener sees the loss as well, and takes up whatever is wanted by then.
            logger.debug("A subscription waits for Redis.")

    async def _listen_for_ever(self) -> None:
        pause = 0.05
        is_first = True
        while True:
            connection: AbstractConnection = self._pool.make_connection()
            try:
                await connection.connect()
                if self._is_away:
                    logger.info("Redis answers again: subscriptions are taken up.")
                self._is_away = False
                pause = 0.05
                await self._listen(connection, is_first=is_first)
            except (RedisError, OSError) as error:
                if not self._is_away:
                    logger.warning(
                        "Redis does not answer: sockets live on their logs alone until it does.",
                        extra={"metadata": {"error": type(error).__name__}},
                    )
                self._is_away = True
                self._let_go()
            finally:
                self._forget_connection()
                await connection.disconnect(nowait=True)
            is_first = False
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  only spreads the load
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    async def _listen(self, connection: AbstractConnection, *, is_first: bool) -> None:
        self._connection = connection
        self._connections += 1
        wanted = sorted(self._wanted)
        for start in range(0, len(wanted), _BATCH):
            await self._ask("SUBSCRIBE", wanted[start : start + _BATCH])
        if not is_first:
            # Answered after the subscriptions, so that nothing falls between them and the reading.
            await connection.send_command("PING", _RESUMED, check_health=False)
        is_probed = False
        while True:
            reply = await connection.read_response(
                timeout=SILENCE_SECONDS, disconnect_on_error=False
            )
            if reply is None:
                if is_probed:
                    raise ConnectionError("Redis has been silent for too long.")
                is_probed = True
                await connection.send_command("PING", b"", check_health=False)
                continue
            is_probed = False
            self._take(reply)

    def _take(self, reply: Any) -> None:
        if reply == _RESUMED:
            self._layer.notify_reconnected()
            return
        if not isinstance(reply, list):
            return
        match reply:
            case [b"message", bytes() as name, bytes() as data]:
                self._layer.deliver(name.decode(), data)
            case [b"subscribe", bytes() as name, _]:
                self._confirm(name.decode())
            case [b"pong", payload] if payload == _RESUMED:
                self._layer.notify_reconnected()

    def _confirm(self, channel: str) -> None:
        self._asked[channel] -= 1
        if self._asked[channel] > 0:
            return
        del self._asked[channel]
        if channel not in self._wanted:
            return
        self._confirmed.add(channel)
        if (waiting := self._waiting.pop(channel, None)) and not waiting.done():
            waiting.set_result(None)

    def _let_go(self) -> None:
        """Resolve the pending confirmations: the connection that would have answered is lost."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _forget_connection(self) -> None:
        self._connection = None
        self._confirmed.clear()
        self._asked.clear()
