"""How conversations and their logs are looked up and, for the log, stored."""

from chat.managers.conversations import ConversationQuerySet
from chat.managers.documents import ConversationDocuments
from chat.managers.messages import (
    AlreadyStored,
    ConversationKey,
    LogSummary,
    MessageManager,
    NumberTaken,
)

__all__ = [
    "AlreadyStored",
    "ConversationDocuments",
    "ConversationKey",
    "ConversationQuerySet",
    "LogSummary",
    "MessageManager",
    "NumberTaken",
]
