"""Events of a conversation's log, as stored in MongoDB."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from chat.managers import EditManager, MessageManager


class SenderType(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ContentType(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    FILE = "file"
    AUDIO = "audio"
    VIDEO = "video"
    NOTE = "note"
    EVENT = "event"


class EventKind(StrEnum):
    POSTED = "message.posted"
    EDITED = "message.edited"
    DELETED = "message.deleted"
    CHANGED = "conversation.changed"


AMENDMENTS = frozenset({EventKind.EDITED, EventKind.DELETED})
PRIORITIZED = "prioritized"
LABELLED = "labelled"
# True in the change of a return to the bot where what the customer asked is unanswered.
OPEN_QUESTION = "open_question"
# Changes by which the team sorts its work.
_SORTING = frozenset({PRIORITIZED, LABELLED})


def mongo_now() -> datetime:
    """Return the current time truncated to milliseconds, the precision of MongoDB."""
    return to_milliseconds(datetime.now(UTC))


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of an event; ``id`` is the customer's or user's id, or "bot" or "system"."""

    type: SenderType
    id: str
    name: str = ""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Sender":
        return cls(SenderType(document["type"]), document["id"], document.get("name", ""))


@dataclass(frozen=True, slots=True)
class Target:
    """The message that an edit or a deletion refers to; ``type`` is its content's."""

    message_id: str
    seq: int
    type: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """An event without a seq yet."""

    sender: Sender
    content: Mapping[str, Any]
    kind: EventKind = EventKind.POSTED
    client_message_id: str | None = None
    external_id: str | None = None
    timestamp: datetime = field(default_factory=mongo_now)

    @property
    def direction(self) -> Direction:
        is_inbound = self.sender.type == SenderType.CUSTOMER
        return Direction.INBOUND if is_inbound else Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class Message:
    """One event; ``inbound_total`` counts the customer's messages up to this one.

    A message reflects later changes: ``edited_at``, or ``deleted_at`` with the deleter, and
    ``amended_seq``, the seq of the last one. An edit or a deletion is an event of its own.
    """

    tenant_id: UUID
    conversation_id: UUID
    message_id: UUID
    seq: int
    kind: EventKind
    direction: Direction
    channel: str
    sender: Sender
    content: Mapping[str, Any]
    timestamp: datetime
    received_at: datetime
    inbound_total: int
    client_message_id: str | None = None
    external_id: str | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    ai_processed: Mapping[str, Any] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: Sender | None = None
    amended_seq: int = 0

    objects: ClassVar[MessageManager] = MessageManager()
    amendments: ClassVar[EditManager] = EditManager()

    @property
    def stream(self) -> str:
        return f"conversation:{self.conversation_id}"

    @property
    def is_note(self) -> bool:
        return self.content.get("type") == ContentType.NOTE

    @property
    def target(self) -> Target | None:
        """Return the message that an edit or a deletion refers to; None for other events."""
        if self.kind not in AMENDMENTS:
            return None
        return Target(**self.content["target"])

    @property
    def is_private(self) -> bool:
        """Return whether customers must not see it: notes, changes of notes, labels and
        priority.
        """
        return (
            self.is_note
            or (self.target is not None and self.target.type == ContentType.NOTE)
            or self.content.get("change", {}).get("name") in _SORTING
        )

    def to_document(self) -> dict[str, Any]:
        """Return the MongoDB document; absent ids are left out, as the partial indexes require."""
        document: dict[str, Any] = {
            "tenant_id": str(self.tenant_id),
            "conversation_id": str(self.conversation_id),
            "message_id": str(self.message_id),
            "seq": self.seq,
            "kind": str(self.kind),
            "direction": str(self.direction),
            "channel": self.channel,
            "sender": asdict(self.sender) | {"type": str(self.sender.type)},
            "content": dict(self.content),
            "timestamp": self.timestamp,
            "received_at": self.received_at,
            "inbound_total": self.inbound_total,
            "status": dict(self.status),
        }
        if self.client_message_id is not None:
            document["client_message_id"] = self.client_message_id
        if self.external_id is not None:
            document["external_id"] = self.external_id
        if self.ai_processed:
            document["ai_processed"] = dict(self.ai_processed)
        if self.pending:
            document["pending"] = list(self.pending)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Message":
        deleted_by = document.get("deleted_by")
        return cls(
            tenant_id=UUID(document["tenant_id"]),
            conversation_id=UUID(document["conversation_id"]),
            message_id=UUID(document["message_id"]),
            seq=document["seq"],
            kind=EventKind(document["kind"]),
            direction=Direction(document["direction"]),
            channel=document["channel"],
            sender=Sender.from_document(document["sender"]),
            content=document["content"],
            timestamp=document["timestamp"],
            received_at=document["received_at"],
            inbound_total=document.get("inbound_total", 0),
            client_message_id=document.get("client_message_id"),
            external_id=document.get("external_id"),
            status=document.get("status", {}),
            ai_processed=document.get("ai_processed", {}),
            pending=tuple(document.get("pending", ())),
            edited_at=document.get("edited_at"),
            deleted_at=document.get("deleted_at"),
            deleted_by=Sender.from_document(deleted_by) if deleted_by else None,
            amended_seq=document.get("amended_seq", 0),
        )
