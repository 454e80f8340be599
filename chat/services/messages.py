"""The one write path of every message, whoever wrote it and wherever it came in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from chat.content import clean_client_message_id
from chat.errors import ConversationClosed, ConversationTaken, NoteFromOutside
from chat.models import (
    ContentType,
    Conversation,
    Message,
    NewMessage,
    Sender,
    SenderType,
    Status,
)
from chat.models.message import mongo_now, to_milliseconds
from chat.services.log import append, change, lock_conversation
from chat.services.rights import refusal_of_change
from config.errors import AppError
from crm.accounts.permissions import Principal


@transaction.atomic
def post_message(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    sender: Sender,
    content: Mapping[str, Any],
    client_message_id: str,
    external_id: str | None = None,
    timestamp: datetime | None = None,
    by: Principal | None = None,
) -> Message:
    """Add a message to a conversation and announce it after commit.

    Safe to repeat: the same ``client_message_id`` gives the stored message back. The row lock makes
    the writers of one conversation take turns, which keeps ``seq`` without gaps. ``content`` must
    come from ``clean_content``, or be made by our own bot. ``by`` is who writes for the
    organization, and has to have the right to.

    Raises ConversationNotFound, ConversationClosed, ConversationTaken (a bot where a person took
    over), NoteFromOutside, ReadOnly, NotYours, InvalidClientMessageId and
    StoreUnavailable (retry with the same id).
    """
    client_message_id = clean_client_message_id(client_message_id)
    conversation = lock_conversation(
        organization_id=organization_id, conversation_id=conversation_id
    )
    if refusal := _refusal(conversation, sender, content, by):
        # A retry of something that was stored before is answered even where new words are refused.
        stored = Message.objects.posted_as(organization_id, conversation_id, client_message_id)
        if stored is None:
            raise refusal
        return stored
    if sender.type == SenderType.CUSTOMER and conversation.status == Status.SNOOZED:
        change(conversation, "woken", by=sender, status=Status.OPEN, snoozed_until=None)
    return append(
        conversation,
        NewMessage(
            sender=sender,
            content=content,
            client_message_id=client_message_id,
            external_id=external_id,
            timestamp=to_milliseconds(timestamp) if timestamp else mongo_now(),
        ),
    )


def finish_effect(*, message: Message, effect: str) -> None:
    """Strike a side effect of a message off its list."""
    Message.objects.effect_done(message.tenant_id, message.conversation_id, message.seq, effect)


def _refusal(
    conversation: Conversation,
    sender: Sender,
    content: Mapping[str, Any],
    by: Principal | None,
) -> AppError | None:
    if by is not None and (refusal := refusal_of_change(by, conversation)):
        return refusal
    if conversation.status == Status.CLOSED:
        return ConversationClosed()
    if sender.type == SenderType.BOT and not conversation.is_bot_owned:
        return ConversationTaken()
    if content["type"] == ContentType.NOTE and sender.type != SenderType.AGENT:
        return NoteFromOutside()
    return None
