"""The models of chat, in PostgreSQL and MongoDB."""

from chat.models.alerts import AlertEmail, AlertSettings
from chat.models.conversation import (
    Channel,
    Conversation,
    ConversationRead,
    ConversationSize,
    Priority,
    Status,
)
from chat.models.identity import IdentitySecret, IdentityUse
from chat.models.message import (
    AMENDMENTS,
    ContentType,
    Direction,
    EventKind,
    Message,
    NewMessage,
    Sender,
    SenderType,
)
from chat.models.widget import DEFAULT_COLOR, SetupGuide, VisitorToken, Widget

__all__ = [
    "AMENDMENTS",
    "DEFAULT_COLOR",
    "AlertEmail",
    "AlertSettings",
    "Channel",
    "ContentType",
    "Conversation",
    "ConversationRead",
    "ConversationSize",
    "Direction",
    "EventKind",
    "IdentitySecret",
    "IdentityUse",
    "Message",
    "NewMessage",
    "Priority",
    "Sender",
    "SenderType",
    "SetupGuide",
    "Status",
    "VisitorToken",
    "Widget",
]
