"""The socket of any page of the application, `/ws/member/`: notifications for its member."""

from collections.abc import Mapping
from uuid import UUID

from chat.consumers.heartbeat import HeartbeatState
from chat.consumers.inbox import InboxConsumer
from chat.errors import UnknownFrame
from chat.frames import Request
from chat.participants import Agent
from chat.presence import Person


class MemberConsumer(InboxConsumer):
    """A socket that is let in as the inbox's is, for every member, and follows no streams.

    So there is nothing on it that ends when a member may see less of the inbox.
    """

    kind = "member"

    def check_access(self, agent: Agent) -> None:
        """Admit every member."""

    def group_names(self) -> tuple[str, ...]:
        return self.own_groups()

    async def on_welcome(self) -> None:
        await self.tell_unread()

    async def _act(self, frame: Request) -> None:
        """Raise UnknownFrame: after the hello there is nothing to ask for."""
        raise UnknownFrame

    async def _resume(self, stream: str, *, after: int, epoch: str) -> None:
        await self.refuse(UnknownFrame(extra={"stream": stream}))

    async def _send_online(self, users: list[Person]) -> None:
        """Send nothing: who is at work is for those who work in the inbox."""

    def heartbeat_members(self, facts: HeartbeatState) -> dict[str, str]:
        return {}

    def renewed_viewer(self) -> Agent:
        return self.viewer.renewed_member()

    async def _go_on_as(self, viewer: Agent, owners: Mapping[UUID, UUID | None]) -> None:
        self.viewer = viewer
