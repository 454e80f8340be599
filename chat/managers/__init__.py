"""Querysets of conversations, and managers of their logs."""

from chat.managers.amendments import AmendmentManager
from chat.managers.conversations import ConversationQuerySet
from chat.managers.documents import ConversationDocuments
from chat.managers.messages import (
    AlreadyStored,
    ConversationKey,
    LastEntry,
    LogSummary,
    MessageManager,
    NumberTaken,
)

__all__ = [
    "AlreadyStored",
    "AmendmentManager",
    "ConversationDocuments",
    "ConversationKey",
    "ConversationQuerySet",
    "LastEntry",
    "LogSummary",
    "MessageManager",
    "NumberTaken",
]
