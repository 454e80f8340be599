"""Queries of the inbox: pages of rows, counts, one conversation with its customer.

Pages and API serialize the same rows, so that a reload and a live update are consistent.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Value

from chat.errors import ConversationNotFound
from chat.events import Audience, conversation_row, event_frame
from chat.managers import ConversationQuerySet
from chat.models import Conversation, ConversationRead, Message, Status
from crm.core.errors import InvalidField
from crm.core.fields import LARGEST
from crm.core.fields import moment as read_moment
from crm.core.permissions import WRITE, Level, Module
from crm.customers.models import Customer
from crm.organizations.models import Membership

PAGE = 30
MESSAGES = 50
COUNT_LIMIT = 100
AGENTS_LIMIT = 200
OTHERS_LIMIT = 5
# A search that finds more people than this is too wide to be of use.
CUSTOMERS_LIMIT = 500
# More than any log holds: "before the end".
END = LARGEST
_UNREAD = "unread"
_WAITING = "waiting"


class InboxFilter(StrEnum):
    MINE = "mine"
    UNASSIGNED = "unassigned"
    ALL = "all"


class Order(StrEnum):
    """The order of open conversations; all others are ordered by the latest message."""

    WAIT = "wait"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position where a page ended; independent of rows that arrived since.

    ``moment`` is the start of that row's wait or, if not ``is_waiting``, the time of its last
    message.
    """

    moment: datetime
    id: UUID
    is_waiting: bool = False

    def encode(self) -> str:
        kind = "|waits" if self.is_waiting else ""
        plain = f"{self.moment.isoformat()}|{self.id}{kind}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        try:
            padded = text + "=" * (-len(text) % 4)
            moment, key, *kind = base64.urlsafe_b64decode(padded.encode()).decode().split("|")
            cursor = cls(read_moment(moment), UUID(key), is_waiting=kind == ["waits"])
        except (ValueError, binascii.Error) as error:
            raise _wrong_cursor() from error
        if kind and not cursor.is_waiting:
            raise _wrong_cursor()
        return cursor


def _wrong_cursor() -> InvalidField:
    return InvalidField(
        "The cursor is not one of ours. Load the list from its start.", extra={"field": "cursor"}
    )


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[dict[str, Any]]
    next: str | None


def in_box(membership: Membership, box: InboxFilter) -> ConversationQuerySet:
    visible = Conversation.objects.visible_to(membership)
    if box == InboxFilter.MINE:
        # Nothing is a key's: to be assigned to nobody is another box.
        is_person = membership.user_id is not None
        return visible.assigned_to(membership.user) if is_person else visible.none()
    if box == InboxFilter.UNASSIGNED:
        return visible.unassigned()
    return visible


def page(
    membership: Membership,
    *,
    box: InboxFilter,
    status: Status,
    order: Order = Order.WAIT,
    cursor: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Return one page of a box, with each row's unread count for this reader.

    Open conversations are ordered by the longest wait, then by the latest message, unless ``order``
    is NEWEST; all others by the latest message.
    """
    found = in_box(membership, box).with_status(status)
    if status == Status.OPEN and order == Order.WAIT:
        return _page_by_wait(membership, found, cursor=cursor, limit=limit)
    return _page(membership, found, cursor=cursor, limit=limit)


def _page(
    membership: Membership, found: ConversationQuerySet, *, cursor: str | None, limit: int
) -> Page:
    if cursor:
        behind = _cursor_among_the_newest(cursor)
        found = found.older_than(behind.moment, behind.id)
    return _page_of(membership, _first(found.newest_first(), limit + 1), limit)


def _page_by_wait(
    membership: Membership, found: ConversationQuerySet, *, cursor: str | None, limit: int
) -> Page:
    """Return a page: waiting conversations by the index of their waits, then the others."""
    behind = Cursor.decode(cursor) if cursor else None
    conversations: list[Conversation] = []
    if behind is None or behind.is_waiting:
        waiting = found.waiting().longest_wait_first()
        if behind:
            waiting = waiting.waiting_less_than(behind.moment, behind.id)
        conversations = _first(waiting, limit + 1)
    if len(conversations) <= limit:
        rest = found.not_waiting().newest_first()
        if behind and not behind.is_waiting:
            rest = rest.older_than(behind.moment, behind.id)
        conversations += _first(rest, limit + 1 - len(conversations))
    return _page_of(membership, conversations, limit, by_wait=True)


def _cursor_among_the_newest(text: str) -> Cursor:
    cursor = Cursor.decode(text)
    if cursor.is_waiting:
        raise _wrong_cursor()
    return cursor


def _first(found: ConversationQuerySet, number: int) -> list[Conversation]:
    related = found.select_related("customer", "assignee", "widget__organization")
    return list(related[:number])


def _page_of(
    membership: Membership,
    conversations: list[Conversation],
    limit: int,
    *,
    by_wait: bool = False,
) -> Page:
    has_more = len(conversations) > limit
    conversations = conversations[:limit]
    last = conversations[-1] if has_more else None
    return Page(
        rows=rows(membership, conversations),
        next=_behind(last, by_wait=by_wait).encode() if last else None,
    )


def _behind(last: Conversation, *, by_wait: bool) -> Cursor:
    if by_wait and last.waiting_since is not None:
        return Cursor(last.waiting_since, last.pk, is_waiting=True)
    return Cursor(last.last_message_at, last.pk)


def search(
    membership: Membership, text: str, *, cursor: str | None = None, limit: int = PAGE
) -> Page:
    """Return the conversations of customers whose name or address matches, in every status.

    A member who may see a conversation may see its customer.
    """
    customers = Customer.objects.of(membership.organization_id).named_like(text).values("pk")
    found = Conversation.objects.visible_to(membership).filter(
        customer__in=customers[:CUSTOMERS_LIMIT]
    )
    return _page(membership, found, cursor=cursor, limit=limit)


def rows(membership: Membership, conversations: Iterable[Conversation]) -> list[dict[str, Any]]:
    """Serialize conversations as inbox rows of this reader; one query for all read positions."""
    conversations = list(conversations)
    positions = dict(
        ConversationRead.objects.filter(
            organization_id=membership.organization_id,
            user_id=membership.user_id,
            conversation__in=[conversation.pk for conversation in conversations],
        ).values_list("conversation_id", "seen_inbound_total")
    )
    return [
        conversation_row(conversation)
        | {"unread": _unread_of(conversation, positions.get(conversation.pk, 0))}
        for conversation in conversations
    ]


def _unread_of(conversation: Conversation, seen: int) -> int:
    """Return the number of customer messages after this reader's position and the team's last
    reply.
    """
    return max(0, conversation.inbound_total - max(seen, conversation.answered_inbound_total))


def row(membership: Membership, conversation: Conversation) -> dict[str, Any]:
    return rows(membership, [conversation])[0]


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of conversations of each box by status, of unread and of waiting ones.

    ``unread`` and ``waiting`` count open conversations that are assigned to the reader or
    unassigned; of those that wait, the customer waits for a reply.
    """

    boxes: dict[str, dict[str, int]]
    unread: int
    waiting: int


def counts(membership: Membership) -> Counts:
    """Count each box and status, in one query and up to COUNT_LIMIT."""
    boxes = {box: in_box(membership, box) for box in InboxFilter}
    is_team = membership.level(Module.INBOX) == Level.TEAM
    if is_team:
        # The team's or nobody's is no range of an index, but each half is: they are added below.
        boxes[InboxFilter.ALL] = Conversation.objects.assigned_within(membership)
    parts = [
        found.with_status(status)
        .annotate(box=Value(str(box)))
        .values_list("box", "status")[:COUNT_LIMIT]
        for box, found in boxes.items()
        for status in Status
    ]
    parts += [
        _unread(membership, boxes[box].with_status(Status.OPEN))
        .annotate(box=Value(_UNREAD))
        .values_list("box", "status")[:COUNT_LIMIT]
        for box in (InboxFilter.MINE, InboxFilter.UNASSIGNED)
    ]
    parts += [
        boxes[box]
        .with_status(Status.OPEN)
        .waiting()
        .annotate(box=Value(_WAITING))
        .values_list("box", "status")[:COUNT_LIMIT]
        for box in (InboxFilter.MINE, InboxFilter.UNASSIGNED)
    ]
    counted = Counter(parts[0].union(*parts[1:], all=True))
    if is_team:
        for status in Status:
            nobodys = counted[(str(InboxFilter.UNASSIGNED), str(status))]
            theirs = counted[(str(InboxFilter.ALL), str(status))]
            counted[(str(InboxFilter.ALL), str(status))] = min(COUNT_LIMIT, theirs + nobodys)
    return Counts(
        boxes={
            str(box): {str(status): counted[(str(box), str(status))] for status in Status}
            for box in InboxFilter
        },
        unread=min(COUNT_LIMIT, counted[(_UNREAD, str(Status.OPEN))]),
        waiting=min(COUNT_LIMIT, counted[(_WAITING, str(Status.OPEN))]),
    )


def _unread(membership: Membership, found: ConversationQuerySet) -> ConversationQuerySet:
    read = ConversationRead.objects.filter(
        conversation=OuterRef("pk"),
        user=membership.user_id,
        seen_inbound_total__gte=OuterRef("inbound_total"),
    )
    # Among the newest alone: nobody reads through thousands to count the few that are unread.
    newest = found.newest_first().values("pk")[:COUNT_LIMIT]
    return Conversation.objects.unanswered().filter(~Exists(read), pk__in=newest)


def waiting(membership: Membership) -> int:
    """Count the reader's and unassigned conversations that wait for a reply, up to COUNT_LIMIT."""
    for_me, nobodys = (
        in_box(membership, box).with_status(Status.OPEN).waiting()[:COUNT_LIMIT]
        for box in (InboxFilter.MINE, InboxFilter.UNASSIGNED)
    )
    # Each half is entered at its place in the index; one condition with OR would not be.
    found = for_me.values_list("pk").union(nobodys.values_list("pk"), all=True)
    return min(found.count(), COUNT_LIMIT)


def count_words(number: int) -> str:
    """Format a count that stops at COUNT_LIMIT; empty for zero."""
    if number >= COUNT_LIMIT:
        return f"{COUNT_LIMIT - 1}+"
    return str(number) if number else ""


def find(membership: Membership, conversation_id: UUID) -> Conversation:
    """Return a conversation that this reader may see, else raise ConversationNotFound."""
    conversation = (
        Conversation.objects.visible_to(membership)
        .select_related("customer", "assignee", "widget__organization")
        .filter(pk=conversation_id)
        .first()
    )
    if conversation is None:
        raise ConversationNotFound
    return conversation


def detail(membership: Membership, conversation: Conversation) -> dict[str, Any]:
    """Return a conversation's row, its customer, their other conversations and the read
    positions.
    """
    customer = conversation.customer
    others = (
        Conversation.objects.visible_to(membership)
        .of_customer(organization_id=membership.organization_id, customer_id=customer.pk)
        .exclude(pk=conversation.pk)
        .order_by("-id")[:OTHERS_LIMIT]
    )
    seen = (
        ConversationRead.objects.filter(conversation=conversation, user_id=membership.user_id)
        .values_list("seen_seq", flat=True)
        .first()
    )
    return {
        "conversation": row(membership, conversation),
        "customer": {
            "id": str(customer.pk),
            "name": customer.display_name,
            "email": customer.email,
            "phone": customer.phone,
            "language": customer.language_code,
            "stage": customer.stage,
            "claimed": customer.claimed,
            "created_at": customer.created_at.isoformat(),
        },
        "widget": conversation.widget.name if conversation.widget else "",
        "others": [
            {
                "id": str(other.pk),
                "status": other.status,
                "text": other.last_message.get("text", ""),
                "is_deleted": other.last_message.get("is_deleted", False),
                "last_message_at": other.last_message_at.isoformat(),
            }
            for other in others
        ],
        "seen_seq": seen or 0,
    }


def history(
    membership: Membership, conversation: Conversation, *, before: int = END, limit: int = MESSAGES
) -> dict[str, Any]:
    """Return the events before ``before``, oldest first, serialized as on the socket."""
    found = Message.objects.before(
        membership.organization_id, conversation.pk, before, limit=limit + 1
    )
    has_more = len(found) > limit
    return {
        "stream": conversation.stream,
        "epoch": conversation.epoch,
        "events": [event_frame(message, Audience.TEAM) for message in found[-limit:]],
        "has_more": has_more,
    }


def agents(membership: Membership) -> list[dict[str, Any]]:
    """Return the possible assignees: active members who may reply."""
    members = (
        Membership.objects.active()
        .filter(organization_id=membership.organization_id)
        .who_may(Module.INBOX, WRITE)
        .select_related("user", "custom_role")
        .order_by("user__name", "id")[:AGENTS_LIMIT]
    )
    return [
        {
            "id": str(member.user_id),
            "name": member.user.name,
            "role": member.role_name,
            "is_me": member.user_id == membership.user_id,
        }
        for member in members
    ]
