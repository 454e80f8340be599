"""Wake-up hints to sockets from synchronous code.

The channel layer may drop a message, so a hint is never the truth: the log is. Publishing through
`async_to_sync(group_send)` would open a Redis connection for every call; this uses the pool.
"""

import logging
from functools import cache
from typing import Any

from channels_redis.serializers import registry
from django.conf import settings
from redis.exceptions import RedisError

from config import stores

logger = logging.getLogger(__name__)


@cache
def _serializer() -> Any:
    return registry.get_serializer("msgpack")


def publish(*messages: tuple[str, dict[str, Any]]) -> None:
    """Send each ``(group, message)`` to the group's sockets, in one round trip.

    A message's ``type`` names the consumer's method, as with ``group_send``. When Redis is away the
    hint is lost and logged; the sockets learn of it from the next hint or heartbeat.
    """
    try:
        pipe = stores.redis().pipeline(transaction=False)
        for group, message in messages:
            channel = f"{settings.CHANNEL_PREFIX}__group__{group}"
            pipe.publish(channel, _serializer().serialize(message))
        pipe.execute()
    except RedisError as error:
        logger.warning(
            "A wake-up hint was not sent: Redis does not answer.",
            extra={"metadata": {"groups": len(messages), "error": type(error).__name__}},
        )
