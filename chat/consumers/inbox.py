"""The agent's socket, `/ws/inbox/`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from chat import presence
from chat.authentication import agent_of_claims, agent_of_cookie
from chat.consumers.base import StreamConsumer
from chat.consumers.heartbeat import HeartbeatState, owners_of
from chat.consumers.origins import header, is_own_origin
from chat.errors import OriginForbidden
from chat.events import conversation_group, inbox_group
from chat.frames import CloseCode, Hello, encode
from chat.participants import Agent
from chat.presence import Person, Presence
from chat.tickets import redeem_ticket
from crm.authentication.errors import AccessEnded
from crm.authentication.services.sessions import is_same_login
from crm.core.channel_layer import SharedMessage, StateMessages, thin_out
from crm.core.errors import StoreUnavailable
from crm.core.executor import run_sync
from crm.core.form_guard.errors import OrganizationSwitched
from crm.core.notifications.services import unread_count
from crm.core.permissions import WRITE, Module
from crm.core.realtime import member_group, visitors_group
from crm.core.store_errors import outage_refusals
from crm.organizations.models import User

LOOK_EVERY = 10.0
# A row is state. One that says whose it was until now takes it out of somebody's sight: at once.
thin_out(
    "inbox.row",
    StateMessages(
        thing=lambda message: message["row"]["stream"],
        version=lambda message: (
            message["row"].get("last_seq", 0),
            message["row"].get("updated_at") or "",
        ),
        is_urgent=lambda message: bool(message["moved_from"]),
    ),
)


class InboxConsumer(StreamConsumer):
    kind = "inbox"
    silent_code = CloseCode.PROTOCOL
    viewer: Agent
    presence: Presence | None = None
    _is_away = False
    _looked_at: tuple[str, UUID] | None = None
    _looked_when = 0.0
    _sent_online: list[Person] | None = None

    def __init__(self) -> None:
        super().__init__()
        self._sent_viewing: dict[str, list[Person]] = {}

    async def identify(self, hello: Hello) -> Agent:
        agent = await self._agent(hello)
        if hello.organization not in {None, str(agent.organization_id)}:
            # The page was made for another one: nothing of this one belongs on it.
            raise OrganizationSwitched
        self.check_access(agent)
        return agent

    def check_access(self, agent: Agent) -> None:
        """Raise AccessEnded for an agent who may not see the inbox."""
        if not agent.membership.may(Module.INBOX):
            raise AccessEnded

    async def _agent(self, hello: Hello) -> Agent:
        if hello.ticket is not None:
            claims = await run_sync(redeem_ticket, kind="agent", ticket=hello.ticket)
            return await run_sync(agent_of_claims, claims)
        # The cookie comes along from any page that opens a socket here: ours alone may.
        if not is_own_origin(self.scope, required=True):
            raise OriginForbidden
        return await run_sync(agent_of_cookie, header(self.scope, b"cookie"))

    def viewer_language(self) -> str:
        if not self.is_welcome:
            return super().viewer_language()
        return self.viewer.membership.user.language_code

    def group_names(self) -> tuple[str, ...]:
        return (inbox_group(self.viewer.organization_id), *self.own_groups())

    def own_groups(self) -> tuple[str, ...]:
        """Return the groups of the agent alone: what ends their access, and what they are told."""
        viewer = self.viewer
        if viewer.operator_id is not None:
            # What the member is told is not told to an operator at once.
            return viewer.kick_groups()
        return (*viewer.kick_groups(), member_group(viewer.organization_id, viewer.user_id))

    async def on_welcome(self) -> None:
        # What was announced while there was no socket.
        await self.tell_unread()
        if self.viewer.operator_id is None:
            # Whom an operator sees this as is not there because of it.
            self.presence = Presence(
                organization_id=self.viewer.organization_id,
                user_id=self.viewer.user_id,
                name=self.viewer.membership.user.name,
                socket=self.session,
            )
        with suppress(RedisError):
            users = await run_sync(
                presence.refresh, self.viewer.organization_id, self.signs_of_life()
            )
            await self._send_online(users)
            await self._announce_online(users)

    async def on_away(self, *, is_away: bool) -> None:
        """Follow whether somebody is at the page, which stays connected all the same."""
        if self.presence is None or is_away == self._is_away:
            return
        self._is_away = is_away
        with suppress(RedisError):
            if is_away:
                await run_sync(presence.leave, self.presence, None)
            await self._announce_online(
                await run_sync(presence.refresh, self.viewer.organization_id, self.signs_of_life())
            )

    async def on_leave(self) -> None:
        if self.presence is None:
            return
        looked_at = self._looked_at
        with suppress(RedisError):
            await run_sync(presence.leave, self.presence, looked_at[1] if looked_at else None)
            await self._announce_online(
                await run_sync(presence.online, self.viewer.organization_id)
            )
            if looked_at:
                await self._announce_viewing(*looked_at)

    async def on_look(self, stream: str) -> None:
        conversation_id = self.streams.conversation_ids.get(stream)
        if conversation_id is None or self.presence is None:
            return
        before, now = self._looked_at, self._loop.time()
        is_same = before is not None and before[0] == stream
        if is_same and now - self._looked_when < LOOK_EVERY:
            return
        self._looked_at, self._looked_when = (stream, conversation_id), now
        with suppress(RedisError):
            people = await run_sync(
                presence.look,
                self.presence,
                conversation_id,
                before=before[1] if before else None,
            )
            if is_same:
                return
            await self._send_viewing(stream, people)
            await self._announce_viewing(stream, conversation_id, people)
            if before:
                await self._announce_viewing(*before)

    def signs_of_life(self) -> list[Presence]:
        """Return the agent's presence; only agents who may reply count as online."""
        if self.presence is None or self._is_away:
            return []
        return [self.presence] if self.viewer.membership.may(Module.INBOX, WRITE) else []

    def heartbeat_members(self, facts: HeartbeatState) -> dict[str, Any]:
        if facts.accesses is None:
            return {}
        seen = (when for when, owner_id in facts.latest_changes if self.viewer.sees(owner_id))
        return {"inbox": next(seen, "")}

    async def on_facts(self, facts: HeartbeatState) -> None:
        if facts.accesses is not None:
            access = facts.accesses.get((self.viewer.membership.pk, self.viewer.login))
            if access is None or not await self._is_same_login(access.membership.user):
                await self.socket_kick({})
                return
            await self._go_on_as(replace(self.viewer, membership=access.membership), facts.owners)
            if self._is_closing:
                return
        if facts.online is not None:
            await self._send_online(facts.online)
        for stream, conversation_id in self.streams.conversation_ids.items():
            if facts.viewing is not None and conversation_id in facts.viewing:
                await self._send_viewing(stream, facts.viewing[conversation_id])

    async def member_notified(self, message: dict[str, Any]) -> None:
        if self.is_welcome:
            await self.tell_unread()

    async def tell_unread(self) -> None:
        """Send the number of unread notifications; without the database, with the next one."""
        if self.viewer.operator_id is not None:
            return
        with suppress(StoreUnavailable), outage_refusals():
            unread = await run_sync(unread_count, self.viewer.membership)
            await self.send_frame({"type": "notifications", "unread": unread})

    async def inbox_row(self, message: SharedMessage) -> None:
        if not self.is_welcome:
            return
        row = message["row"]
        owner = row["assignee"]
        if self._sees(owner["id"] if owner else None):
            text = message.once("row", lambda: encode({"type": "conversation", "row": row}))
            await self.send_encoded(text)
        elif row["stream"] in self.streams or any(map(self._sees, message["moved_from"])):
            await self.streams.end(row["stream"])

    def _sees(self, owner: str | None) -> bool:
        return self.viewer.sees(UUID(owner) if owner else None)

    async def stream_presence(self, message: dict[str, Any]) -> None:
        if not self.is_welcome:
            return
        if "users" in message:
            await self._send_online(message["users"])
        elif message["stream"] in self.streams:
            await self._send_viewing(message["stream"], message["viewing"])

    async def socket_recheck(self, message: dict[str, Any]) -> None:
        """Reload the member's permissions and teams after a change."""
        if not self.is_welcome:
            return
        with suppress(StoreUnavailable), outage_refusals():
            try:
                viewer = await run_sync(self.renewed_viewer)
                owners = await run_sync(
                    owners_of, viewer.organization_id, self.streams.conversation_ids.values()
                )
            except AccessEnded:
                await self.socket_kick({})
                return
            await self._go_on_as(viewer, owners)

    def renewed_viewer(self) -> Agent:
        """Return the agent with present permissions. Raise AccessEnded without the inbox."""
        return self.viewer.renewed()

    async def _go_on_as(self, viewer: Agent, owners: Mapping[UUID, UUID | None]) -> None:
        """Apply the present permissions; close the socket if they change what the page offers."""
        before = self.viewer.membership
        if viewer.membership.rights[Module.INBOX] != before.rights[Module.INBOX]:
            await self.socket_kick({})
            return
        self.viewer = self.streams.viewer = viewer
        for stream, conversation_id in list(self.streams.conversation_ids.items()):
            if conversation_id in owners and not viewer.sees(owners[conversation_id]):
                await self.streams.end(stream)

    async def layer_reconnected(self, message: dict[str, Any]) -> None:
        # A kick may have been among what was lost.
        await super().layer_reconnected(message)
        await self.socket_recheck({})
        if self.is_welcome:
            await self.tell_unread()

    async def _is_same_login(self, user: User) -> bool:
        """Return whether the session survived a password change: the one it was changed in does."""
        if user.password == self.viewer.membership.user.password:
            return True
        return await run_sync(is_same_login, self.viewer.login, user)

    async def _announce_online(self, users: list[Person]) -> None:
        for group in (
            inbox_group(self.viewer.organization_id),
            visitors_group(self.viewer.organization_id),
        ):
            await self.broadcast(group, {"type": "stream.presence", "users": users})

    async def _announce_viewing(
        self, stream: str, conversation_id: UUID, people: list[Person] | None = None
    ) -> None:
        if people is None:
            people = (await run_sync(presence.viewing, [conversation_id]))[conversation_id]
        await self.broadcast(
            conversation_group(conversation_id),
            {"type": "stream.presence", "stream": stream, "viewing": people},
        )

    async def _send_online(self, users: list[Person]) -> None:
        if users != self._sent_online:
            self._sent_online = users
            await self.send_frame({"type": "presence", "users": users})

    async def _send_viewing(self, stream: str, people: list[Person]) -> None:
        if people != self._sent_viewing.get(stream, []):
            self._sent_viewing[stream] = people
            await self.send_frame({"type": "presence", "stream": stream, "viewing": people})
