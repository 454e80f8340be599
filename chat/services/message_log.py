"""Numbering and storing of the log's events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chat.errors import ConversationNotFound
from chat.events import announce_on_commit
from chat.managers import (
    AlreadyStored,
    ConversationDocuments,
    ConversationQuerySet,
    LastEntry,
    NumberTaken,
)
from chat.models import (
    AMENDMENTS,
    ContentType,
    Conversation,
    Direction,
    EventKind,
    Message,
    NewMessage,
    Sender,
    SenderType,
)
from chat.models.conversation import LOG_FIELDS
from chat.models.message import OPEN_QUESTION, mongo_now, to_milliseconds
from crm.core.database.compiled import CompiledSelect, CompiledUpdate
from crm.core.errors import StoreUnavailable
from crm.core.ids import uuid7

PREVIEW_LENGTH = 140
ANSWER = "answer"
AMEND = "amend"
ESCALATED = "escalated"
HANDED_BACK = "handed_back"
CLOSED = "closed"
# A person acted on the conversation: what the bot handed over is handed over no more.
_ENDS_HAND_OFF = {"taken_over", "assigned", "unassigned", HANDED_BACK, CLOSED, "reopened"}
SUMMARY_FIELDS = (*LOG_FIELDS, "updated_at")
_ATTEMPTS = 3


def _locked(*, organization_id: UUID, conversation_id: UUID) -> ConversationQuerySet:
    return (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("customer", "assignee", "widget__organization")
        .filter(organization_id=organization_id, pk=conversation_id)
    )


_LOCK = CompiledSelect(_locked, organization_id=UUID, conversation_id=UUID)
_SAVE_SUMMARY = CompiledUpdate(Conversation, SUMMARY_FIELDS)


def lock_conversation(*, organization_id: UUID, conversation_id: UUID) -> Conversation:
    """Lock the conversation row until the transaction ends; every change starts with this.

    Raise ConversationNotFound.
    """
    found = _LOCK.first(organization_id=organization_id, conversation_id=conversation_id)
    if found is None:
        raise ConversationNotFound
    return found


def append(
    conversation: Conversation,
    new: NewMessage,
    *,
    moved_from: tuple[UUID | None, ...] = (),
    edited: tuple[str, ...] = (),
) -> Message:
    """Assign the next seq, store the event and update the conversation row.

    Requires the conversation to be locked in the current transaction. The seq comes from the log,
    not from the row: after a rollback that follows the insert, the row would not include the event,
    and every later insert would collide with it. ``moved_from`` holds the previous assignee (None:
    unassigned) where this event changes it, ``edited`` the fields that people edit and that are
    saved too; they increment the row's version.
    """
    for _attempt in range(_ATTEMPTS):
        last = Message.objects.last(
            conversation.organization_id, conversation.pk, known=conversation.last_seq
        )
        message = _numbered(conversation, new, last)
        try:
            Message.objects.insert(message)
        except AlreadyStored:
            message = _stored_before(conversation, new)
            if message.seq <= conversation.last_seq:
                return message
            # Stored by a transaction that was rolled back: finish here what it left undone.
        except NumberTaken:
            continue
        follow(conversation, message)
        if edited:
            conversation.save(update_fields=(*SUMMARY_FIELDS, *edited))
        else:
            _SAVE_SUMMARY.save(conversation)
        announce_on_commit(message, conversation, moved_from=moved_from)
        return message
    raise StoreUnavailable


def change(
    conversation: Conversation,
    name: str,
    *,
    by: Sender,
    details: dict[str, Any] | None = None,
    timestamp: datetime | None = None,
    key: str | None = None,
    **fields: Any,
) -> Conversation:
    """Change a locked conversation and append the change to the log, which every client receives.

    The same ``key`` is stored once, also after a rollback.
    """
    owner_before = conversation.assignee_id
    for field, value in fields.items():
        setattr(conversation, field, value)
    assignee = conversation.assignee
    append(
        conversation,
        NewMessage(
            sender=by,
            kind=EventKind.CHANGED,
            content={
                "type": ContentType.EVENT.value,
                "change": {
                    "name": name,
                    "status": str(conversation.status),
                    "assignee": (
                        {"id": str(assignee.pk), "name": assignee.name} if assignee else None
                    ),
                    **(details or {}),
                },
            },
            client_message_id=key or f"event-{uuid7().hex}",
            timestamp=to_milliseconds(timestamp) if timestamp else mongo_now(),
        ),
        moved_from=() if conversation.assignee_id == owner_before else (owner_before,),
        edited=tuple(name for name in fields if name not in SUMMARY_FIELDS),
    )
    ConversationDocuments.follow(conversation)
    return conversation


def _numbered(conversation: Conversation, new: NewMessage, last: LastEntry) -> Message:
    # A change of the conversation may come from the customer too; it is nothing that they said.
    is_inbound = new.kind == EventKind.POSTED and new.direction == Direction.INBOUND
    is_asked = is_inbound or bool(new.content.get("change", {}).get(OPEN_QUESTION))
    pending: tuple[str, ...] = (ANSWER,) if is_asked and conversation.is_open_to_bot else ()
    if new.kind in AMENDMENTS:
        pending = (AMEND,)
    return Message(
        tenant_id=conversation.organization_id,
        conversation_id=conversation.pk,
        message_id=uuid7(),
        seq=last.seq + 1,
        kind=new.kind,
        direction=new.direction,
        channel=conversation.channel,
        sender=new.sender,
        content=new.content,
        timestamp=new.timestamp,
        received_at=mongo_now(),
        inbound_total=last.inbound_total + is_inbound,
        client_message_id=new.client_message_id,
        external_id=new.external_id,
        status={"sent": True, "delivered": False, "read": False, "read_at": None},
        pending=pending,
    )


def _stored_before(conversation: Conversation, new: NewMessage) -> Message:
    """Return the event that a unique index reported as stored."""
    stored = None
    if new.client_message_id:
        stored = Message.objects.posted_as(
            conversation.organization_id, conversation.pk, new.client_message_id
        )
    if stored is None and new.external_id:
        stored = Message.objects.received_as(
            conversation.organization_id, conversation.channel, new.external_id
        )
    if stored is None:
        raise StoreUnavailable
    return stored


def follow(conversation: Conversation, message: Message) -> None:
    """Update a conversation row from an event, unsaved; an older event changes nothing."""
    if message.seq <= conversation.last_seq:
        return
    conversation.last_seq = message.seq
    conversation.inbound_total = message.inbound_total
    if message.kind == EventKind.POSTED:
        conversation.last_message_at = message.timestamp
        conversation.last_message = preview_of(message)
        if message.direction == Direction.INBOUND:
            conversation.last_customer_message = customer_preview_of(message)
    conversation.waiting_since = waiting_since(
        conversation.waiting_since, message, escalated_at=conversation.escalated_at
    )
    if _is_dealt_with(message):
        conversation.answered_inbound_total = message.inbound_total
    _follow_people(conversation, message)


def _is_dealt_with(message: Message) -> bool:
    """Return whether this event leaves no earlier message unread by the team."""
    if message.kind == EventKind.CHANGED:
        return bool(message.content.get("change", {}).get("name") == CLOSED)
    return (
        message.kind == EventKind.POSTED
        and message.sender.type == SenderType.AGENT
        and not message.is_note
    )


def _follow_people(conversation: Conversation, message: Message) -> None:
    """Update ``replied_by`` and ``escalated_at`` from an event."""
    if message.kind == EventKind.CHANGED:
        change = message.content.get("change", {})
        name = change.get("name")
        if name == ESCALATED:
            conversation.escalated_at = message.timestamp
        elif name in _ENDS_HAND_OFF:
            conversation.escalated_at = None
        if name in {HANDED_BACK, CLOSED}:
            conversation.replied_by = []
        if joined := change.get("joined"):
            conversation.replied_by = [*conversation.replied_by, UUID(joined["id"])]
    elif (
        message.kind == EventKind.POSTED
        and message.sender.type == SenderType.AGENT
        and not message.is_note
    ):
        conversation.escalated_at = None


def preview_of(message: Message) -> dict[str, Any]:
    """Return the preview of a message for lists; ``is_deleted`` is present only if it is."""
    mark = {"is_deleted": True} if message.deleted_at else {}
    return mark | {
        "text": str(message.content.get("text", ""))[:PREVIEW_LENGTH],
        "type": str(message.content["type"]),
        "sender_type": message.sender.type.value,
        "sender_name": message.sender.name,
    }


def customer_preview_of(message: Message) -> dict[str, Any]:
    """Return the preview of the customer's last message."""
    preview = preview_of(message)
    del preview["sender_type"], preview["sender_name"]
    return preview | {"seq": message.seq, "timestamp": message.timestamp.isoformat()}


def waiting_since(
    before: datetime | None, message: Message, *, escalated_at: datetime | None
) -> datetime | None:
    """Return since when the customer waits for a reply, after this event; None if they do not.

    A note is no reply. An escalated conversation waits from then on, whatever the bot posts before
    a person replies; a closed one does not wait.
    """
    if message.kind == EventKind.CHANGED:
        name = message.content.get("change", {}).get("name")
        if name == ESCALATED:
            return before or message.timestamp
        return None if name == CLOSED else before
    if message.kind in AMENDMENTS:
        return before
    if message.direction == Direction.INBOUND:
        # What was taken away waits for no answer.
        return before if message.deleted_at else before or message.timestamp
    is_bot = message.sender.type == SenderType.BOT
    if message.is_note or (is_bot and escalated_at and escalated_at <= message.timestamp):
        return before
    return None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What the customer wrote and nobody of the team answered: since when, and how many."""

    since: datetime | None = None
    count: int = 0


def unanswered(conversation: Conversation) -> Unanswered:
    """Return what waits for an answer, computed from the log, as if it had not been closed."""
    since: datetime | None = None
    escalated_at: datetime | None = None
    count = 0
    newest = Message.objects.before(
        conversation.organization_id, conversation.pk, conversation.last_seq + 1
    )
    for message in newest:
        if message.kind == EventKind.CHANGED:
            name = message.content.get("change", {}).get("name")
            if name == CLOSED:
                continue
            if name == ESCALATED:
                escalated_at = message.timestamp
            elif name in _ENDS_HAND_OFF:
                escalated_at = None
        elif message.kind == EventKind.POSTED:
            is_new = message.direction == Direction.INBOUND and message.deleted_at is None
            count = 0 if _is_dealt_with(message) else count + is_new
        since = waiting_since(since, message, escalated_at=escalated_at)
    return Unanswered(since, count)
