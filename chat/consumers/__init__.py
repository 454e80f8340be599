"""WebSocket consumers, and the long poll as their fallback."""

from chat.consumers.inbox import InboxConsumer
from chat.consumers.long_poll import LongPollConsumer
from chat.consumers.member import MemberConsumer
from chat.consumers.widget import WidgetConsumer

__all__ = ["InboxConsumer", "LongPollConsumer", "MemberConsumer", "WidgetConsumer"]
