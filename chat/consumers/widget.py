"""The visitor's socket, `/ws/widget/`."""

from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from chat import presence
from chat.authentication import visitor_of_claims
from chat.consumers.base import StreamConsumer
from chat.consumers.heartbeat import HeartbeatState
from chat.consumers.origins import is_own_origin
from chat.errors import OriginForbidden, TicketInvalid, WidgetPaused
from chat.frames import CloseCode, Hello
from chat.participants import Visitor
from chat.tickets import redeem_ticket
from crm.authentication.errors import AccessEnded
from crm.core.errors import StoreUnavailable
from crm.core.executor import run_sync
from crm.core.http.forwarded import counted_address
from crm.core.store_errors import outage_refusals


class WidgetConsumer(StreamConsumer):
    kind = "widget"
    silent_code = CloseCode.TICKET
    viewer: Visitor
    _sent_online: bool | None = None

    async def identify(self, hello: Hello) -> Visitor:
        # The widget's frame is a page of ours, whatever site shows it. Programs send no Origin.
        if not is_own_origin(self.scope, required=False):
            raise OriginForbidden
        if hello.ticket is None:
            raise TicketInvalid
        claims = await run_sync(redeem_ticket, kind="visitor", ticket=hello.ticket)
        try:
            visitor = await run_sync(visitor_of_claims, claims)
        except AccessEnded:
            # The widget comes back with its token, and learns there that it is over.
            raise TicketInvalid from None
        return visitor.at(counted_address(str((self.scope.get("client") or [""])[0])))

    def viewer_language(self) -> str:
        return self.viewer.language_code if self.is_welcome else super().viewer_language()

    def group_names(self) -> tuple[str, ...]:
        return self.viewer.kick_groups()

    async def on_welcome(self) -> None:
        with suppress(RedisError):
            users = await run_sync(presence.online, self.viewer.organization_id)
            await self._send_online(bool(users))

    async def widget_paused(self, message: dict[str, Any]) -> None:
        await self._reject(WidgetPaused(), CloseCode.FORBIDDEN)

    async def on_facts(self, facts: HeartbeatState) -> None:
        if facts.visits is not None and self.viewer.token_id not in facts.visits:
            await self.socket_kick({})
            return
        if facts.online is not None:
            await self._send_online(bool(facts.online))

    async def layer_reconnected(self, message: dict[str, Any]) -> None:
        # A kick may have been among what was lost.
        await super().layer_reconnected(message)
        with suppress(StoreUnavailable), outage_refusals():
            try:
                await run_sync(self.viewer.renewed)
            except AccessEnded:
                await self.socket_kick({})

    async def stream_presence(self, message: dict[str, Any]) -> None:
        if self.is_welcome and "users" in message:
            await self._send_online(bool(message["users"]))

    async def stream_typing(self, message: dict[str, Any]) -> None:
        sender = message["sender"]
        if sender["type"] == "customer":
            return
        # The ids of our people are not a visitor's to know.
        public_sender = sender | {"id": sender["type"]}
        await super().stream_typing(message | {"sender": public_sender})

    async def _send_online(self, is_online: bool) -> None:  # noqa: FBT001  the one value it is about
        if is_online != self._sent_online:
            self._sent_online = is_online
            await self.send_frame({"type": "presence", "agents_online": is_online})
