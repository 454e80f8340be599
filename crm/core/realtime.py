"""Wakeups of sockets from synchronous code.

The channel layer may drop a message, so a wakeup is never authoritative: the log is. Publishing
through `async_to_sync(group_send)` would open a Redis connection for every call; this uses the
pool.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from channels_redis.serializers import registry
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from crm.core import channel_signing, redis_circuit_breaker

logger = logging.getLogger(__name__)

# Whose members remember who somebody is; see `crm.core.memo`.
ACCESS_GROUP = "access"
ACCESS_ENDED = (ACCESS_GROUP, {"type": "access.ended"})


def user_group(user_id: UUID) -> str:
    """Return the group of all sockets of one user."""
    return f"user.{user_id}"


def member_group(organization_id: UUID, user_id: UUID) -> str:
    """Return the group of the sockets of one member of an organization."""
    return f"member.{organization_id}.{user_id}"


def key_group(key_id: UUID) -> str:
    """Return the group of the long polls of an API key."""
    return f"key.{key_id}"


def visitors_group(organization_id: UUID) -> str:
    """Return the group of the sockets of all visitors of an organization's sites."""
    return f"visitors.{organization_id}"


def visitor_group(customer_id: UUID) -> str:
    """Return the group of the sockets of one visitor."""
    return f"visitor.{customer_id}"


def kick(*groups: str, **only: Any) -> None:
    """Close the sockets of these groups with 4403 and end their long polls, after the commit.

    Everything that ends access calls this. ``only`` restricts it: ``logins`` is a list of ids of
    log-ins or visitor tokens, ``secret`` the secret that signed the visitors' identities. The
    heartbeat compensates for a message that Redis loses.
    """
    message = {"type": "socket.kick", **only}
    transaction.on_commit(
        lambda: publish(*((group, message) for group in groups), ACCESS_ENDED) if groups else None,
        robust=True,
    )


def close_sockets(*, user_id: UUID, logins: Sequence[str] | None = None) -> None:
    """Close a user's sockets: those of these log-ins, or all of them."""
    kick(user_group(user_id), logins=logins)


def recheck_sockets(user_ids: Iterable[UUID]) -> None:
    """Make users' sockets reload their permissions, after the commit of the change."""
    if messages := [(user_group(user_id), {"type": "socket.recheck"}) for user_id in user_ids]:
        publish(*messages)


@cache
def _serializer() -> Any:
    return registry.get_serializer("msgpack")


def publish(*messages: tuple[str, dict[str, Any]]) -> None:
    """Send each ``(group, message)`` to the group's sockets, in one round trip.

    A message's ``type`` names the consumer's method, as with ``group_send``. Without Redis the
    wakeup is lost and logged; the sockets catch up at the next wakeup or heartbeat.
    """
    if not redis_circuit_breaker.answers():
        return
    try:
        pipe = redis_circuit_breaker.client().pipeline(transaction=False)
        for group, message in messages:
            channel = f"{settings.CHANNEL_PREFIX}__group__{group}"
            pipe.publish(channel, channel_signing.seal(channel, _serializer().serialize(message)))
        pipe.execute()
    except RedisError as error:
        redis_circuit_breaker.record_failure(error)
        logger.warning(
            "A wake-up hint was not sent: Redis does not answer.",
            extra={"metadata": {"groups": len(messages), "error": type(error).__name__}},
        )
