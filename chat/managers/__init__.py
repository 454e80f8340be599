"""Querysets of conversations, and managers of their logs."""

from chat.managers.conversations import ConversationQuerySet
from chat.managers.documents import ConversationDocuments
from chat.managers.edits import EditManager
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
    "ConversationDocuments",
    "ConversationKey",
    "ConversationQuerySet",
    "EditManager",
    "LastEntry",
    "LogSummary",
    "MessageManager",
    "NumberTaken",
]
