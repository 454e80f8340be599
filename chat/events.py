"""Events that browsers receive, and their publication after the commit."""

from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

from django.db import transaction

from chat.models import AMENDMENTS, Conversation, EventKind, Message, Sender
from chat.models.message import OPEN_QUESTION
from chat.signals import message_posted
from crm.core import realtime


class Audience(StrEnum):
    CUSTOMER = "customer"
    TEAM = "team"


class SenderData(TypedDict):
    id: str
    type: Literal["customer", "agent", "bot", "system"]
    name: str


class MessageData(TypedDict):
    message_id: str
    sender: SenderData
    content: dict[str, Any]
    timestamp: str
    client_message_id: NotRequired[str]
    edited_at: NotRequired[str]
    deleted_at: NotRequired[str]
    deleted_by: NotRequired[SenderData]


class AmendmentData(TypedDict):
    """An edit or a deletion: its target, and by whom.

    ``content`` is missing where the edited text was deleted since.
    """

    message_id: str
    target_seq: int
    sender: SenderData
    content: NotRequired[dict[str, Any]]
    edited_at: NotRequired[str]
    deleted_at: NotRequired[str]


class EventFrame(TypedDict):
    """One event of a stream, as every client receives it."""

    type: Literal["event"]
    stream: str
    seq: int
    kind: Literal["message.posted", "message.edited", "message.deleted", "conversation.changed"]
    data: MessageData | AmendmentData | dict[str, Any]


def conversation_group(conversation_id: UUID) -> str:
    return f"conversation.{conversation_id}"


def inbox_group(organization_id: UUID) -> str:
    return f"inbox.{organization_id}"


def widget_group(widget_id: UUID) -> str:
    """Return the group of the sockets of all visitors of one widget."""
    return f"widget.{widget_id}"


def event_frame(message: Message, audience: Audience) -> EventFrame:
    """Serialize an event for its audience.

    A customer's stream has the same seqs as the team's, so an event that is private becomes a
    ``conversation.changed`` without data, which leaves no gap.
    """
    kind = message.kind
    data: MessageData | AmendmentData | dict[str, Any]
    if audience == Audience.CUSTOMER and message.is_private:
        kind, data = EventKind.CHANGED, {}
    elif kind == EventKind.CHANGED:
        data = _change_data(message, audience)
    elif kind in AMENDMENTS:
        data = _amendment_data(message, audience)
    else:
        data = message_data(message, audience)
    return {
        "type": "event",
        "stream": message.stream,
        "seq": message.seq,
        "kind": kind.value,
        "data": data,
    }


def message_data(message: Message, audience: Audience) -> MessageData:
    data: MessageData = {
        "message_id": str(message.message_id),
        "sender": _sender_data(message.sender, audience),
        "content": dict(message.content),
        "timestamp": message.timestamp.isoformat(),
    }
    if message.client_message_id:
        data["client_message_id"] = message.client_message_id
    if message.edited_at:
        data["edited_at"] = message.edited_at.isoformat()
    if message.deleted_at:
        data["deleted_at"] = message.deleted_at.isoformat()
        if message.deleted_by and audience == Audience.TEAM:
            data["deleted_by"] = _sender_data(message.deleted_by, audience)
    return data


def _sender_data(sender: Sender, audience: Audience) -> SenderData:
    return {
        # A customer sees who answers by name; the ids of our people are not theirs to know.
        "id": sender.id if audience == Audience.TEAM else sender.type.value,
        "type": sender.type.value,
        "name": sender.name,
    }


def _amendment_data(message: Message, audience: Audience) -> AmendmentData:
    target = message.target
    if target is None:
        raise TypeError("Only an edit or a deletion is about another entry.")
    data: AmendmentData = {
        "message_id": target.message_id,
        "target_seq": target.seq,
        "sender": _sender_data(message.sender, audience),
    }
    if message.kind == EventKind.DELETED:
        data["deleted_at"] = message.timestamp.isoformat()
        return data
    data["edited_at"] = message.timestamp.isoformat()
    if "text" in message.content:
        data["content"] = {"type": target.type, "text": message.content["text"]}
    return data


def _change_data(message: Message, audience: Audience) -> dict[str, Any]:
    change = dict(message.content.get("change", {}))
    if audience == Audience.CUSTOMER:
        joined = change.get("joined")
        change = {key: change[key] for key in ("name", "status", OPEN_QUESTION) if key in change}
        # Whose it is in the team is the team's business; a customer meets whoever writes.
        if joined:
            change["joined"] = {"name": joined["name"]}
    data: dict[str, Any] = {"change": change, "timestamp": message.timestamp.isoformat()}
    if audience == Audience.TEAM:
        data["sender"] = _sender_data(message.sender, audience)
    return data


def conversation_row(conversation: Conversation) -> dict[str, Any]:
    """Serialize a conversation as a row of the inbox, without ``unread``, which differs per reader.

    Requires ``customer``, ``assignee`` and ``widget`` with its organization to be loaded.
    """
    assignee = conversation.assignee
    return {
        "id": str(conversation.pk),
        "stream": conversation.stream,
        "epoch": conversation.epoch,
        "status": conversation.status,
        "channel": conversation.channel,
        "priority": conversation.priority,
        "labels": list(conversation.labels),
        "language": conversation.language_code,
        "customer": {
            "id": str(conversation.customer_id),
            "name": conversation.customer.display_name,
        },
        "assignee": {"id": str(assignee.pk), "name": assignee.name} if assignee else None,
        "bot_name": conversation.bot_name,
        "last_seq": conversation.last_seq,
        "inbound_total": conversation.inbound_total,
        "answered_inbound_total": conversation.answered_inbound_total,
        "last_message": dict(conversation.last_message),
        "last_customer_message": dict(conversation.last_customer_message),
        "last_message_at": _iso(conversation.last_message_at),
        "waiting_since": _iso(conversation.waiting_since),
        "escalated_at": _iso(conversation.escalated_at),
        "snoozed_until": _iso(conversation.snoozed_until),
        "customer_seen_seq": conversation.customer_seen_seq,
        "is_over_quota": conversation.is_over_quota,
        "created_at": _iso(conversation.created_at),
        "updated_at": _iso(conversation.updated_at),
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def announce_on_commit(
    message: Message, conversation: Conversation, *, moved_from: tuple[UUID | None, ...] = ()
) -> None:
    """Publish an event after the commit: first to the sockets, then by the app's signal.

    Robust: an unavailable Redis does not fail a stored message.
    """
    row = conversation_row(conversation)
    transaction.on_commit(lambda: _notify_sockets(message, row, moved_from), robust=True)
    transaction.on_commit(lambda: _notify_apps(message), robust=True)


def _notify_sockets(
    message: Message, row: dict[str, Any], moved_from: tuple[UUID | None, ...]
) -> None:
    hint = {"type": "stream.hint", "stream": message.stream, "seq": message.seq}
    realtime.publish(
        (
            conversation_group(message.conversation_id),
            hint
            | {
                "frames": {
                    Audience.CUSTOMER.value: event_frame(message, Audience.CUSTOMER),
                    Audience.TEAM.value: event_frame(message, Audience.TEAM),
                }
            },
        ),
        (
            inbox_group(message.tenant_id),
            # Whose it was until now: who loses sight of it is told so.
            {
                "type": "inbox.row",
                "row": row,
                "moved_from": [str(owner_id) if owner_id else None for owner_id in moved_from],
            },
        ),
    )


def _notify_apps(message: Message) -> None:
    message_posted.send(
        sender=Message,
        organization_id=message.tenant_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        pending=message.pending,
    )


def announce_receipts(conversation: Conversation) -> None:
    """Publish how far the customer has read; the latest value replaces earlier ones."""
    realtime.publish(
        (
            conversation_group(conversation.pk),
            {
                "type": "stream.receipts",
                "stream": conversation.stream,
                "customer_seen_seq": conversation.customer_seen_seq,
            },
        )
    )


def announce_typing(conversation_id: UUID, *, sender: SenderData, is_typing: bool) -> None:
    """Publish that the sender types or stopped; clients expire it after ten seconds."""
    realtime.publish(
        (
            conversation_group(conversation_id),
            {
                "type": "stream.typing",
                "stream": f"conversation:{conversation_id}",
                "sender": dict(sender),
                "is_typing": is_typing,
            },
        )
    )


def announce_agents_seen(conversation_id: UUID, *, seq: int) -> None:
    """Publish how far an agent has read; the latest value replaces earlier ones."""
    realtime.publish(
        (
            conversation_group(conversation_id),
            {
                "type": "stream.receipts",
                "stream": f"conversation:{conversation_id}",
                "agents_seen_seq": seq,
            },
        )
    )
