"""The visitor's socket, `/ws/widget/`."""

from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from chat import presence
from chat.consumers.base import StreamConsumer
from chat.consumers.origins import is_own_origin
from chat.consumers.pulse import Facts
from chat.errors import OriginForbidden, TicketInvalid, WidgetPaused
from chat.events import visitors_group, widget_group
from chat.frames import CloseCode, Hello
from chat.tickets import redeem_ticket
from chat.viewers import Visitor
from config.threads import run_sync


class WidgetConsumer(StreamConsumer):
    kind = "widget"
    silent_code = CloseCode.TICKET
    viewer: Visitor
    _told_online: bool | None = None

    async def identify(self, hello: Hello) -> Visitor:
        # The widget's frame is a page of ours, whatever site shows it. Programs send no Origin.
        if not is_own_origin(self.scope, required=False):
            raise OriginForbidden
        if hello.ticket is None:
            raise TicketInvalid
        claims = await run_sync(redeem_ticket, kind="visitor", ticket=hello.ticket)
        return Visitor.from_claims(claims)

    def viewer_language(self) -> str:
        return self.viewer.language_code if self.is_welcome else super().viewer_language()

    async def on_welcome(self) -> None:
        await self.channel_layer.group_add(
            visitors_group(self.viewer.organization_id), self.channel_name
        )
        await self.channel_layer.group_add(widget_group(self.viewer.widget_id), self.channel_name)
        with suppress(RedisError):
            users = await run_sync(presence.online, self.viewer.organization_id)
            await self._tell_online(bool(users))

    async def on_leave(self) -> None:
        await self.channel_layer.group_discard(
            visitors_group(self.viewer.organization_id), self.channel_name
        )
        await self.channel_layer.group_discard(
            widget_group(self.viewer.widget_id), self.channel_name
        )

    async def widget_paused(self, message: dict[str, Any]) -> None:
        await self._turn_away(WidgetPaused(), CloseCode.FORBIDDEN)

    async def on_facts(self, facts: Facts) -> None:
        if facts.online is not None:
            await self._tell_online(bool(facts.online))

    async def stream_presence(self, message: dict[str, Any]) -> None:
        if self.is_welcome and "users" in message:
            await self._tell_online(bool(message["users"]))

    async def stream_typing(self, message: dict[str, Any]) -> None:
        sender = message["sender"]
        if sender["type"] == "customer":
            return
        # The ids of our people are not a visitor's to know.
        told = sender | {"id": sender["type"]}
        await super().stream_typing(message | {"sender": told})

    async def _tell_online(self, is_online: bool) -> None:  # noqa: FBT001  the one value it is about
        if is_online != self._told_online:
            self._told_online = is_online
            await self.send_frame({"type": "presence", "agents_online": is_online})
