"""Editing and deleting messages.

The event is the source of truth. Updating the message's document is a side effect: applied
immediately, and pending in the event until it is applied, so that the sweeper completes it after a
crash.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from chat.content import clean_client_message_id, clean_text
from chat.errors import (
    AmendedTooLate,
    ConversationClosed,
    ConversationNotFound,
    MessageDeleted,
    MessageNotFound,
    NotAMessage,
    NotYourMessage,
    ReadOnly,
)
from chat.events import announce_on_commit
from chat.interactions import BotInteraction
from chat.models import (
    ContentType,
    Conversation,
    Direction,
    EventKind,
    Message,
    NewMessage,
    SenderType,
    Status,
)
from chat.models.message import mongo_now
from chat.services.conversations import sender_of
from chat.services.message_log import (
    AMEND,
    ANSWER,
    SUMMARY_FIELDS,
    append,
    customer_preview_of,
    follow,
    lock_conversation,
    preview_of,
    waiting_since,
)
from chat.services.permissions import refusal_of_change
from crm.core.api.exceptions import IdempotencyKeyReused
from crm.core.errors import AppError, StoreUnavailable
from crm.core.ids import uuid7
from crm.core.permissions import READ, WRITE, Action, Module, Principal
from crm.core.versions import EditedMeanwhile

# What it takes in the settings, beside the right to answer, to delete what others wrote: who
# supervises sees the settings, who is responsible for the organization's data changes them.
_MAY_DELETE: Mapping[SenderType, Action] = {
    SenderType.AGENT: READ,
    SenderType.BOT: READ,
    SenderType.CUSTOMER: WRITE,
}


def may_delete(by: Principal) -> list[str]:
    """Return the sender types whose messages this principal may delete at any time."""
    if not by.may(Module.INBOX, WRITE):
        return []
    return [
        sender.value for sender, action in _MAY_DELETE.items() if by.may(Module.SETTINGS, action)
    ]


def edit_message(
    *,
    conversation_id: UUID,
    message_id: UUID,
    by: Principal,
    text: str,
    client_message_id: str,
    before: str | None = None,
) -> Message:
    """Change the text of a message. Return the event of the edit.

    Safe to repeat under the same ``client_message_id``. Allowed for one's own messages, for a
    limited time, and not in a closed conversation. ``before`` is the text that the edit was made
    from; None skips the check. Raise MessageNotFound, MessageDeleted, NotAMessage, NotYourMessage,
    AmendedTooLate, ConversationClosed, ReadOnly, NotYours, EditedMeanwhile, IdempotencyKeyReused,
    the errors of an invalid text, and StoreUnavailable.
    """
    _require_may_answer(by)
    text = clean_text(text)
    client_message_id = clean_client_message_id(client_message_id)
    seq = _seq_of(by, conversation_id, message_id)
    with transaction.atomic():
        conversation, target, amendments = _locked(by, conversation_id, seq)
        stored = Message.objects.posted_as(by.organization_id, conversation_id, client_message_id)
        edits = {each.seq for each in amendments if each.kind == EventKind.EDITED}
        if stored is not None and (
            # An edit that a deletion emptied cannot be compared any more.
            stored.seq not in edits or stored.content.get("text", text) != text
        ):
            raise IdempotencyKeyReused
        if stored is None and (refusal := _refusal_to_edit(conversation, target, amendments, by)):
            raise refusal
        if stored is None:
            _check_before(before, target, amendments)
        return _append(
            conversation,
            target,
            _amendment(EventKind.EDITED, target, by=by, key=client_message_id, text=text),
        )


def delete_message(*, conversation_id: UUID, message_id: UUID, by: Principal) -> Message:
    """Delete a message and leave a tombstone. Return the event of the deletion.

    Safe to repeat: the first deletion is returned. Raise MessageNotFound, NotAMessage,
    NotYourMessage, AmendedTooLate, ReadOnly, NotYours and StoreUnavailable.
    """
    _require_may_answer(by)
    seq = _seq_of(by, conversation_id, message_id)
    with transaction.atomic():
        conversation, target, amendments = _locked(by, conversation_id, seq)
        deletion = next((each for each in amendments if each.kind == EventKind.DELETED), None)
        if deletion is not None:
            if deletion.seq > conversation.last_seq:
                # Stored by a transaction that was rolled back: finish what it left undone.
                _finish(conversation, deletion)
            return deletion
        if refusal := _refusal_to_delete(conversation, target, by):
            raise refusal
        key = f"delete-{uuid7().hex}"
        return _append(conversation, target, _amendment(EventKind.DELETED, target, by=by, key=key))


def is_deleted(question: Message) -> bool:
    """Return whether the log contains a deletion of the message. Requires the
    conversation's lock.
    """
    amendments = Message.amendments.of(question.tenant_id, question.conversation_id, question.seq)
    return any(each.kind == EventKind.DELETED for each in amendments)


@transaction.atomic
def finish_amendment(*, entry: Message) -> None:
    """Apply a pending edit or deletion. Safe to repeat; raise StoreUnavailable."""
    try:
        conversation = lock_conversation(
            organization_id=entry.tenant_id, conversation_id=entry.conversation_id
        )
    except ConversationNotFound:
        # Its log is still there: what was deleted must not stay in it for that.
        _amend(entry)
        return
    _finish(conversation, entry)


def _finish(conversation: Conversation, entry: Message) -> None:
    _amend(entry)
    if entry.target is not None:
        original = Message.objects.numbered(
            entry.tenant_id, entry.conversation_id, entry.target.seq
        )
        if original is not None:
            _update_summary(conversation, original)
    if entry.seq == conversation.last_seq + 1:
        # Its transaction was rolled back. A row that is further behind is the reconciler's.
        follow(conversation, entry)
    conversation.save(update_fields=SUMMARY_FIELDS)
    announce_on_commit(entry, conversation)


def _append(conversation: Conversation, target: Message, new: NewMessage) -> Message:
    _update_summary(conversation, _as_amended(target, new))
    entry = append(conversation, new)
    # It is said, and clients hear of it: what fails here is left to the sweeper.
    with suppress(StoreUnavailable):
        _amend(entry)
    return entry


def _amend(entry: Message) -> None:
    """Apply the event to the message's document, then remove the pending side effect."""
    if entry.kind == EventKind.EDITED:
        Message.amendments.edit(entry)
    elif entry.target is not None:
        Message.amendments.delete(entry, strike=[ANSWER])
        BotInteraction.objects.delete_answer(
            entry.tenant_id, entry.conversation_id, entry.target.seq
        )
    Message.objects.effect_done(entry.tenant_id, entry.conversation_id, entry.seq, AMEND)


def _require_may_answer(by: Principal) -> None:
    if not by.may(Module.INBOX, WRITE):
        raise ReadOnly


def _seq_of(by: Principal, conversation_id: UUID, message_id: UUID) -> int:
    # Before the lock: an entry never changes its number, and an old one takes a while to find.
    seq = Message.amendments.seq_of(by.organization_id, conversation_id, message_id)
    if seq is None:
        raise MessageNotFound
    return seq


def _locked(
    by: Principal, conversation_id: UUID, seq: int
) -> tuple[Conversation, Message, list[Message]]:
    conversation = lock_conversation(
        organization_id=by.organization_id, conversation_id=conversation_id
    )
    target = Message.objects.numbered(by.organization_id, conversation_id, seq)
    if target is None:
        raise MessageNotFound
    if target.kind != EventKind.POSTED:
        raise NotAMessage
    return conversation, target, Message.amendments.of(by.organization_id, conversation_id, seq)


def _refusal_to_edit(
    conversation: Conversation, target: Message, amendments: list[Message], by: Principal
) -> AppError | None:
    if refusal := refusal_of_change(by, conversation):
        return refusal
    if any(each.kind == EventKind.DELETED for each in amendments):
        return MessageDeleted()
    if not _is_own(target, by):
        return NotYourMessage()
    if conversation.status == Status.CLOSED:
        return ConversationClosed()
    return None if _is_in_time(target) else _too_late()


def _check_before(before: str | None, target: Message, amendments: list[Message]) -> None:
    """Raise EditedMeanwhile unless the message still reads as the edit was made from."""
    # The log, and not the message's document, to which an edit may be applied later.
    edits = [each for each in amendments if each.kind == EventKind.EDITED]
    present = (edits[-1] if edits else target).content.get("text", "")
    if before is not None and before != present:
        raise EditedMeanwhile(extra={"text": present})


def _refusal_to_delete(
    conversation: Conversation, target: Message, by: Principal
) -> AppError | None:
    if refusal := refusal_of_change(by, conversation):
        return refusal
    if target.sender.type.value in may_delete(by):
        return None
    if not _is_own(target, by):
        return NotYourMessage()
    return None if _is_in_time(target) else _too_late()


def _is_own(target: Message, by: Principal) -> bool:
    return target.sender.type == SenderType.AGENT and target.sender.id == by.actor_id


def _is_in_time(target: Message) -> bool:
    window = timedelta(seconds=settings.CHAT_AMEND_WINDOW_SECONDS)
    return mongo_now() - target.timestamp <= window


def _too_late() -> AmendedTooLate:
    return AmendedTooLate(extra={"window_seconds": settings.CHAT_AMEND_WINDOW_SECONDS})


def _amendment(
    kind: EventKind, target: Message, *, by: Principal, key: str, text: str | None = None
) -> NewMessage:
    content: dict[str, Any] = {
        "type": ContentType.EVENT.value,
        "target": {
            "message_id": str(target.message_id),
            "seq": target.seq,
            "type": str(target.content["type"]),
        },
    }
    if text is not None:
        content["text"] = text
    return NewMessage(sender=sender_of(by), kind=kind, content=content, client_message_id=key)


def _as_amended(target: Message, new: NewMessage) -> Message:
    """Return the message with the edit or deletion applied."""
    if new.kind == EventKind.DELETED:
        return replace(target, content={"type": target.content["type"]}, deleted_at=new.timestamp)
    content = {**target.content, "text": new.content["text"]}
    return replace(target, content=content, edited_at=new.timestamp)


def _update_summary(conversation: Conversation, message: Message) -> None:
    """Update the unsaved conversation row where it shows this message."""
    # Times first: most often they tell that the message is not the one, without a look at the log.
    if conversation.last_message_at == message.timestamp and not any(
        entry.kind == EventKind.POSTED for entry in _later(conversation, message.seq)
    ):
        conversation.last_message = preview_of(message)
    if conversation.last_customer_message.get("seq") == message.seq:
        conversation.last_customer_message = customer_preview_of(message)
    if (
        message.deleted_at
        and message.direction == Direction.INBOUND
        and conversation.waiting_since == message.timestamp
    ):
        # It was the first that nobody answered; now the next one is.
        since = None
        for entry in _later(conversation, message.seq):
            since = waiting_since(since, entry, escalated_at=conversation.escalated_at)
        conversation.waiting_since = since


def _later(conversation: Conversation, seq: int) -> Iterator[Message]:
    while entries := Message.objects.after(conversation.organization_id, conversation.pk, seq):
        yield from entries
        seq = entries[-1].seq
