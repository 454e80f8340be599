"""Wake-up hints to sockets from synchronous code.

The channel layer may drop a message, so a hint is never the truth: the log is. Publishing through
`async_to_sync(group_send)` would open a Redis connection for every call; this uses the pool.
"""

import hashlib
import logging
import time
from functools import cache
from typing import Any
from uuid import UUID

from channels_redis.serializers import registry
from django.conf import settings
from redis import ConnectionPool, Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 1.5
SILENCE_SECONDS = 5.0
_ask_again_at: float | None = None  # set while Redis is known to let us wait


def user_group(user_id: UUID) -> str:
    """Name the group of all sockets of one of our people."""
    return f"user.{user_id}"


def session_name(session_key: str) -> str:
    """Name a log-in without giving away the key that is as good as a password."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def close_sockets(*, user_id: UUID, session_key: str | None = None) -> None:
    """Close a person's sockets with 4403: those of one log-in, or all of them.

    To be called after the commit of what ended their access.
    """
    session = session_name(session_key) if session_key else None
    publish((user_group(user_id), {"type": "socket.kick", "session": session}))


def answers() -> bool:
    """Say whether Redis can be asked; False where it let us wait in vain, until it answers again.

    Whoever can do without it should not ask then: a Redis that refuses costs no time, but one that
    hangs would hold up every writer. After SILENCE_SECONDS one caller tries for all the others.
    """
    global _ask_again_at
    if _ask_again_at is None:
        return True
    if time.monotonic() < _ask_again_at:
        return False
    _ask_again_at = time.monotonic() + SILENCE_SECONDS
    try:
        _client().ping()
    except RedisTimeout:
        _note_silence()
        return False
    except RedisError:
        logger.debug("Redis refuses: whoever asks it is told at once.")
    _ask_again_at = None
    return True


def _note_silence() -> None:
    global _ask_again_at
    _ask_again_at = time.monotonic() + SILENCE_SECONDS


@cache
def _client() -> Redis:
    """Give a client with little patience: a stored message waits for it before it is acked."""
    return Redis(
        connection_pool=ConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=100,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
    )


@cache
def _serializer() -> Any:
    return registry.get_serializer("msgpack")


def publish(*messages: tuple[str, dict[str, Any]]) -> None:
    """Send each ``(group, message)`` to the group's sockets, in one round trip.

    A message's ``type`` names the consumer's method, as with ``group_send``. When Redis is away the
    hint is lost and logged; the sockets learn of it from the next hint or heartbeat.
    """
    if not answers():
        return
    try:
        pipe = _client().pipeline(transaction=False)
        for group, message in messages:
            channel = f"{settings.CHANNEL_PREFIX}__group__{group}"
            pipe.publish(channel, _serializer().serialize(message))
        pipe.execute()
    except RedisError as error:
        if isinstance(error, RedisTimeout):
            _note_silence()
        logger.warning(
            "A wake-up hint was not sent: Redis does not answer.",
            extra={"metadata": {"groups": len(messages), "error": type(error).__name__}},
        )
