"""Replay of a stream from a client's position."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.events import EventFrame, event_frame
from chat.managers.messages import READ_LIMIT
from chat.models import Conversation, Message
from chat.participants import Viewer


@dataclass(frozen=True, slots=True)
class EventPage:
    """A range of a stream: the events after ``start`` up to ``to``.

    Where ``recovered`` is false there are no events, ``reason`` is ``epoch``, ``ahead`` or
    ``too_many``, ``to`` is the end of the log, and the client loads a snapshot over HTTP.
    """

    stream: str
    conversation_id: UUID
    epoch: str
    start: int
    to: int
    last_seq: int
    events: tuple[EventFrame, ...] = ()
    reason: str = ""

    @property
    def recovered(self) -> bool:
        return not self.reason

    def members(self) -> dict[str, Any]:
        """Return the members of the frame or HTTP response."""
        members: dict[str, Any] = {
            "stream": self.stream,
            "epoch": self.epoch,
            "from": self.start,
            "to": self.to,
            "recovered": self.recovered,
            "events": list(self.events),
        }
        if self.reason:
            members["reason"] = self.reason
        return members


def read_after(
    viewer: Viewer, *, stream: str, epoch: str | None, after: int, limit: int | None = None
) -> EventPage:
    """Return the events after ``after``.

    Without ``limit`` all of them, or none where there are too many; with ``limit`` the next page.
    Raise ConversationNotFound for a stream of another viewer, and StoreUnavailable.
    """
    conversation = viewer.conversation_of(stream)
    if epoch is not None and epoch != conversation.epoch:
        return _unrecovered(conversation, stream, after, "epoch")
    if limit is None and conversation.last_seq - after > READ_LIMIT:
        return _unrecovered(conversation, stream, after, "too_many")
    messages = Message.objects.after(
        conversation.organization_id, conversation.pk, after, limit=limit or READ_LIMIT
    )
    if not messages and after > conversation.last_seq and after > _end_of_log(conversation):
        return _unrecovered(conversation, stream, after, "ahead")
    to = messages[-1].seq if messages else after
    if limit is None and len(messages) == READ_LIMIT and _end_of_log(conversation) > to:
        return _unrecovered(conversation, stream, after, "too_many")
    return EventPage(
        stream=stream,
        conversation_id=conversation.pk,
        epoch=conversation.epoch,
        start=after,
        to=to,
        last_seq=max(conversation.last_seq, to),
        events=tuple(event_frame(message, viewer.audience) for message in messages),
    )


def read_before(viewer: Viewer, *, stream: str, before: int, limit: int) -> EventPage:
    """Return the ``limit`` events before ``before``, for scrolling up."""
    conversation = viewer.conversation_of(stream)
    before = min(before, conversation.last_seq + 1)
    messages = Message.objects.before(
        conversation.organization_id, conversation.pk, before, limit=limit
    )
    return EventPage(
        stream=stream,
        conversation_id=conversation.pk,
        epoch=conversation.epoch,
        start=messages[0].seq - 1 if messages else max(0, before - 1),
        to=messages[-1].seq if messages else max(0, before - 1),
        last_seq=conversation.last_seq,
        events=tuple(event_frame(message, viewer.audience) for message in messages),
    )


def _end_of_log(conversation: Conversation) -> int:
    return Message.objects.last(
        conversation.organization_id, conversation.pk, known=conversation.last_seq
    ).seq


def _unrecovered(conversation: Conversation, stream: str, after: int, reason: str) -> EventPage:
    end = max(conversation.last_seq, _end_of_log(conversation))
    return EventPage(
        stream=stream,
        conversation_id=conversation.pk,
        epoch=conversation.epoch,
        start=after,
        to=end,
        last_seq=end,
        reason=reason,
    )
