"""Who is online, and who views which conversation: in Redis only, and expendable.

`online_users:{org}` and `viewing:{conversation}` are sorted sets of ``user:socket``, scored by the
time of the last heartbeat, so that two tabs count twice and a killed process expires. Pages other
than the inbox have no socket: they report by HTTP, together as ``user:page``.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from redis.client import Pipeline

from crm.core import stores
from crm.core.redis_values import expect_type, text_of

VIEWING_SECONDS = 45
# A page without a socket reports every 45 seconds (static/chat/presence.js).
PAGE_SECONDS = 100
PAGE = "page"
_NAME_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Presence:
    """One socket of one agent."""

    organization_id: UUID
    user_id: UUID
    name: str
    socket: str

    @property
    def member(self) -> str:
        return f"{self.user_id}:{self.socket}"


Person = dict[str, str]


def online_seconds() -> float:
    """Return for how many seconds a heartbeat is valid: two may be late."""
    return float(settings.CHAT_HEARTBEAT_SECONDS) * 2 + 10


def refresh(organization_id: UUID, presences: Iterable[Presence]) -> list[Person]:
    """Renew these sockets' presence. Return who of the organization is online."""
    now = time.time()
    key = f"online_users:{organization_id}"
    pipeline = stores.redis().pipeline(transaction=False)
    expect_type(pipeline, key, "zset")
    for presence in presences:
        pipeline.zadd(key, {presence.member: now})
        _name(pipeline, presence)
    pipeline.zremrangebyscore(key, "-inf", now - online_seconds())
    pipeline.expire(key, max(PAGE_SECONDS, int(online_seconds()) + 60))
    pipeline.zrange(key, 0, -1)
    return _people(pipeline.execute()[-1])


def record_page_view(organization_id: UUID, user_id: UUID, name: str) -> None:
    """Record that a member is at some page; one entry for all of their pages."""
    presence = Presence(organization_id, user_id, name, PAGE)
    key = f"online_users:{organization_id}"
    pipeline = stores.redis().pipeline(transaction=False)
    expect_type(pipeline, key, "zset")
    # Sockets report more often: this one is dated so that it is dropped when its own time is over.
    pipeline.zadd(key, {presence.member: time.time() + PAGE_SECONDS - online_seconds()})
    _name(pipeline, presence)
    pipeline.expire(key, max(PAGE_SECONDS, int(online_seconds()) + 60))
    pipeline.execute()


def leave(presence: Presence, conversation_id: UUID | None) -> None:
    """Remove a socket's presence."""
    pipeline = stores.redis().pipeline(transaction=False)
    pipeline.zrem(f"online_users:{presence.organization_id}", presence.member)
    if conversation_id is not None:
        pipeline.zrem(f"viewing:{conversation_id}", presence.member)
    pipeline.execute()


def online(organization_id: UUID) -> list[Person]:
    """Return who of the organization is online, as ``{id, name}``."""
    return refresh(organization_id, ())


def look(presence: Presence, conversation_id: UUID, *, before: UUID | None) -> list[Person]:
    """Record that an agent views a conversation and no longer ``before``. Return its viewers."""
    now = time.time()
    key = f"viewing:{conversation_id}"
    pipeline = stores.redis().pipeline(transaction=False)
    if before is not None and before != conversation_id:
        pipeline.zrem(f"viewing:{before}", presence.member)
    expect_type(pipeline, key, "zset")
    pipeline.zadd(key, {presence.member: now})
    _name(pipeline, presence)
    pipeline.zremrangebyscore(key, "-inf", now - VIEWING_SECONDS)
    pipeline.expire(key, VIEWING_SECONDS)
    pipeline.zrange(key, 0, -1)
    return _people(pipeline.execute()[-1])


def viewing(conversation_ids: Iterable[UUID]) -> dict[UUID, list[Person]]:
    """Return the viewers of each of these conversations."""
    ids = list(conversation_ids)
    if not ids:
        return {}
    oldest = time.time() - VIEWING_SECONDS
    pipeline = stores.redis().pipeline(transaction=False)
    for conversation_id in ids:
        pipeline.zrangebyscore(f"viewing:{conversation_id}", oldest, "+inf")
    found = pipeline.execute()
    names = _people([member for members in found for member in members])
    by_id = {person["id"]: person for person in names}
    return {
        conversation_id: [by_id[user_id] for user_id in _user_ids(members)]
        for conversation_id, members in zip(ids, found, strict=True)
    }


def _name(pipeline: Pipeline, presence: Presence) -> None:
    key = f"user:{presence.user_id}"
    expect_type(pipeline, key, "hash")
    pipeline.hset(key, "name", presence.name)
    pipeline.expire(key, _NAME_SECONDS)


def _user_ids(members: Iterable[bytes]) -> list[str]:
    return sorted({text_of(member).partition(":")[0] for member in members})


def _people(members: Iterable[bytes]) -> list[Person]:
    user_ids = _user_ids(members)
    if not user_ids:
        return []
    pipeline = stores.redis().pipeline(transaction=False)
    for user_id in user_ids:
        pipeline.hget(f"user:{user_id}", "name")
    names = pipeline.execute()
    return [
        {"id": user_id, "name": text_of(name) if name else ""}
        for user_id, name in zip(user_ids, names, strict=True)
    ]
