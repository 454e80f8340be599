"""The heartbeat of a process's sockets: those due in the same tick share their queries."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.exceptions import RedisError

from chat import presence
from chat.models import Conversation
from chat.participants import Agent, Visitor
from chat.presence import Person, Presence
from chat.services.visitors import live_visits
from crm.authentication.principals import Access, renew_all
from crm.core import redis_circuit_breaker, tenancy
from crm.core.errors import StoreUnavailable
from crm.core.executor import run_sync
from crm.core.store_errors import outage_refusals

if TYPE_CHECKING:
    from chat.consumers.base import StreamConsumer

# Who sees only a part of the inbox is told the newest change of that part, if it is among these.
LATEST_CHANGES = 50

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class HeartbeatState:
    """State that the heartbeat read for the sockets of one organization; None: the store was
    unavailable.
    """

    last_seqs: dict[UUID, int] = field(default_factory=dict)
    owners: dict[UUID, UUID | None] = field(default_factory=dict)
    # The newest changes, newest first: when, and whose conversation it was.
    latest_changes: list[tuple[str, UUID | None]] = field(default_factory=list)
    # Who is still in: members by membership and log-in, visitors by the ids of their tokens.
    accesses: dict[tuple[UUID, str], Access] | None = None
    visits: set[UUID] | None = None
    online: list[Person] | None = None
    viewing: dict[UUID, list[Person]] | None = None


class Heartbeat:
    """Sends each socket a heartbeat at once and then every CHAT_HEARTBEAT_SECONDS.

    The first one covers changes between the page's rendering and the welcome, and access that ended
    in the meantime.
    """

    def __init__(self) -> None:
        self._due: dict[StreamConsumer, float] = {}
        self._clock: asyncio.Task[None] | None = None
        self._beats: set[asyncio.Task[None]] = set()

    def add(self, socket: "StreamConsumer") -> None:
        loop = asyncio.get_running_loop()
        self._due[socket] = loop.time()
        if self._clock is None:
            # Not in the context of the socket that came first: the clock serves all of them.
            self._clock = loop.create_task(self._run(), context=Context())

    def discard(self, socket: "StreamConsumer") -> None:
        self._due.pop(socket, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due:
            await asyncio.sleep(min(1.0, settings.CHAT_HEARTBEAT_SECONDS / 4))
            now = loop.time()
            by_organization: dict[UUID, list[StreamConsumer]] = defaultdict(list)
            for socket, moment in self._due.items():
                if moment <= now:
                    self._due[socket] = now + settings.CHAT_HEARTBEAT_SECONDS
                    by_organization[socket.viewer.organization_id].append(socket)
            for organization_id, sockets in by_organization.items():
                beat = loop.create_task(self._beat(organization_id, sockets))
                self._beats.add(beat)
                beat.add_done_callback(self._beats.discard)
        self._clock = None

    async def _beat(self, organization_id: UUID, sockets: list["StreamConsumer"]) -> None:
        agents = [socket for socket in sockets if isinstance(socket.viewer, Agent)]
        facts = await run_sync(
            _find_out,
            organization_id,
            streams={
                conversation_id
                for socket in sockets
                for conversation_id in socket.streams.conversation_ids.values()
            },
            looked_at={
                conversation_id
                for socket in agents
                for conversation_id in socket.streams.conversation_ids.values()
            },
            accesses={
                (socket.viewer.membership.pk, socket.viewer.login)
                for socket in agents
                if isinstance(socket.viewer, Agent)
            },
            visits={
                socket.viewer.token_id for socket in sockets if isinstance(socket.viewer, Visitor)
            },
            presences=[sign for socket in agents for sign in socket.signs_of_life()],
        )
        for socket in sockets:
            socket.start_beat(facts)


def _find_out(
    organization_id: UUID,
    *,
    streams: Collection[UUID],
    looked_at: Collection[UUID],
    accesses: Collection[tuple[UUID, str]],
    visits: Collection[UUID],
    presences: Collection[Presence],
) -> HeartbeatState:
    facts = HeartbeatState()
    # Each store by itself: what one cannot tell must not silence the other.
    with suppress(StoreUnavailable), outage_refusals(), tenancy.organization(organization_id):
        conversations = Conversation.objects.filter(organization_id=organization_id)
        if streams:
            found = conversations.filter(pk__in=streams).values_list(
                "pk", "last_seq", "assignee_id"
            )
            for conversation_id, top, owner_id in found:
                facts.last_seqs[conversation_id] = top
                facts.owners[conversation_id] = owner_id
        if visits:
            facts.visits = live_visits(visits)
        if accesses:
            facts.accesses = renew_all(accesses)
            latest = conversations.order_by("-updated_at").values_list("updated_at", "assignee_id")
            facts.latest_changes = [
                (moment.isoformat(), owner_id) for moment, owner_id in latest[:LATEST_CHANGES]
            ]
    if not redis_circuit_breaker.answers():
        # Each question would hold a thread until it is given up, and messages wait for threads.
        return facts
    with suppress(RedisError):
        facts.online = presence.refresh(organization_id, presences)
        facts.viewing = presence.viewing(looked_at)
    return facts


def owners_of(organization_id: UUID, conversation_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Return the current assignee of each of these conversations."""
    conversations = Conversation.objects.filter(
        organization_id=organization_id, pk__in=list(conversation_ids)
    )
    return dict(conversations.values_list("pk", "assignee_id"))


_heartbeats: "WeakKeyDictionary[asyncio.AbstractEventLoop, Heartbeat]" = WeakKeyDictionary()


def heartbeat() -> Heartbeat:
    """Return the heartbeat of the running event loop."""
    return _heartbeats.setdefault(asyncio.get_running_loop(), Heartbeat())
