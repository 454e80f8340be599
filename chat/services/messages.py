"""The only write path of messages, for every sender and channel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from chat.content import clean_client_message_id
from chat.errors import (
    BatchInFlight,
    ConversationClosed,
    ConversationNotFound,
    ConversationTaken,
    NoteFromOutside,
)
from chat.models import (
    ContentType,
    Conversation,
    EventKind,
    Message,
    NewMessage,
    Sender,
    SenderType,
    Status,
)
from chat.models.message import mongo_now, to_milliseconds
from chat.services.message_log import append, change, lock_conversation
from chat.services.permissions import refusal_of_change
from crm.core.api.exceptions import IdempotencyKeyReused
from crm.core.database.locks import try_lock
from crm.core.errors import AppError, StoreUnavailable
from crm.core.permissions import Principal


@dataclass(frozen=True, slots=True)
class Posted:
    """A stored message and the epoch of its stream."""

    message: Message
    epoch: str


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message as its sender gives it; ``content`` as in `post_message`."""

    content: Mapping[str, Any]
    client_message_id: str


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
    """Add a message to a conversation and publish it after the commit.

    Safe to repeat: the same ``client_message_id`` returns the stored message. The row lock
    serializes the writers of one conversation, which keeps ``seq`` without gaps. ``content`` must
    come from ``clean_content``, or from our own bot. ``by`` is the principal who writes for the
    organization and needs the permission; a member's reply takes over an unassigned conversation.
    Raise ConversationNotFound, ConversationClosed, ConversationTaken (the bot, where a person took
    over), NoteFromOutside, ReadOnly, NotYours, InvalidClientMessageId and StoreUnavailable (retry
    with the same id).
    """
    return post_among(
        lambda conversation: True,
        organization_id=organization_id,
        conversation_id=conversation_id,
        sender_of=lambda conversation: sender,
        content=content,
        client_message_id=client_message_id,
        external_id=external_id,
        timestamp=timestamp,
        by=by,
    ).message


@transaction.atomic
def post_among(
    is_visible: Callable[[Conversation], bool],
    *,
    organization_id: UUID,
    conversation_id: UUID,
    sender_of: Callable[[Conversation], Sender],
    content: Mapping[str, Any],
    client_message_id: str,
    external_id: str | None = None,
    timestamp: datetime | None = None,
    by: Principal | None = None,
) -> Posted:
    """Do what ``post_message`` does where ``is_visible``; else raise ConversationNotFound.

    The access is checked on the locked row: a message costs one query of its conversation, not two.
    """
    conversation = lock_conversation(
        organization_id=organization_id, conversation_id=conversation_id
    )
    if not is_visible(conversation):
        raise ConversationNotFound
    message = _post_to_locked(
        conversation,
        sender=sender_of(conversation),
        content=content,
        client_message_id=client_message_id,
        external_id=external_id,
        timestamp=timestamp,
        by=by,
    )
    return Posted(message, conversation.epoch)


def post_batch_among(
    is_visible: Callable[[Conversation], bool],
    *,
    organization_id: UUID,
    conversation_id: UUID,
    batch_of: str,
    sender_of: Callable[[Conversation], Sender],
    messages: Sequence[OutgoingMessage],
    by: Principal | None = None,
) -> list[Posted | AppError]:
    """Do what ``post_among`` does for each message in its order, under one lock.

    Return of each what was stored, or why it was refused; a refused one does not stop the others.
    ``batch_of`` names who posts: they have one batch at a time in a conversation, another one
    raises BatchInFlight and waits for no lock. On StoreUnavailable what was stored before stays,
    and the whole may be repeated.
    """
    outcomes: list[Posted | AppError] = []
    outage: StoreUnavailable | None = None
    with transaction.atomic():
        if not try_lock(f"batch|{conversation_id}|{batch_of}"):
            raise BatchInFlight(extra={"retry_after": 1})
        conversation = lock_conversation(
            organization_id=organization_id, conversation_id=conversation_id
        )
        if not is_visible(conversation):
            raise ConversationNotFound
        sender = sender_of(conversation)
        for each in messages:
            try:
                message = _post_to_locked(
                    conversation,
                    sender=sender,
                    content=each.content,
                    client_message_id=each.client_message_id,
                    by=by,
                )
            except StoreUnavailable as error:
                outage = error
                break
            except AppError as refusal:
                outcomes.append(refusal)
            else:
                outcomes.append(Posted(message, conversation.epoch))
    if outage is not None:
        raise outage
    return outcomes


def _post_to_locked(
    conversation: Conversation,
    *,
    sender: Sender,
    content: Mapping[str, Any],
    client_message_id: str,
    external_id: str | None = None,
    timestamp: datetime | None = None,
    by: Principal | None = None,
) -> Message:
    """Return the message, stored now or before under the same ``client_message_id``."""
    client_message_id = clean_client_message_id(
        client_message_id, is_bot=sender.type == SenderType.BOT
    )
    if refusal := _refusal(conversation, sender, content, by):
        # A retry of something that was stored before is answered even where new words are refused.
        stored = Message.objects.posted_as(
            conversation.organization_id, conversation.pk, client_message_id
        )
        if stored is None:
            raise refusal
        return stored
    if sender.type == SenderType.CUSTOMER and conversation.status == Status.SNOOZED:
        change(conversation, "woken", by=sender, status=Status.OPEN, snoozed_until=None)
    if by is not None and content["type"] != ContentType.NOTE:
        stored = _enter(conversation, sender, by, client_message_id)
        if stored is not None:
            return stored
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


def _enter(
    conversation: Conversation, sender: Sender, by: Principal, client_message_id: str
) -> Message | None:
    """Assign an unassigned conversation to the replying member, and record a member who joins.

    A member who replies in a colleague's conversation joins without taking it over. An API key
    takes nothing over. Return the stored message if this is a retry.
    """
    if by.user_id is None or by.user is None:
        return None
    takes_over = conversation.assignee_id is None
    joins = by.user_id not in conversation.replied_by
    if not takes_over and not joins:
        return None
    stored = Message.objects.posted_as(
        conversation.organization_id, conversation.pk, client_message_id
    )
    if stored is not None and stored.seq <= conversation.last_seq:
        return stored
    fields: dict[str, Any] = {}
    if takes_over:
        fields["assignee"] = by.user
        if conversation.is_bot_owned:
            fields["status"] = Status.OPEN
    change(
        conversation,
        "taken_over" if takes_over else "joined",
        by=sender,
        details={"joined": {"id": str(by.user_id), "name": sender.name}} if joins else None,
        # A retry after a transaction that was rolled back finishes the same two entries.
        key=f"reply-{client_message_id}",
        **fields,
    )
    return None


def require_same(message: Message, *, content: Mapping[str, Any], sender_type: SenderType) -> None:
    """Raise IdempotencyKeyReused if the stored message differs from what is sent now.

    Call it after the commit: a retry also completes what a rolled back transaction left undone. A
    message that was edited or deleted since cannot be compared and is accepted.
    """
    is_same = (
        message.kind == EventKind.POSTED
        and message.sender.type == sender_type
        and (message.amended_seq > 0 or message.content == content)
    )
    if not is_same:
        raise IdempotencyKeyReused


def finish_effect(*, message: Message, effect: str) -> None:
    """Remove a pending side effect of a message."""
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
    if sender.type == SenderType.BOT and not conversation.is_open_to_bot:
        return ConversationTaken()
    if content["type"] == ContentType.NOTE and sender.type != SenderType.AGENT:
        return NoteFromOutside()
    return None
