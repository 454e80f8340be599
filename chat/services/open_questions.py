"""What a customer asked and nobody has answered yet, read from the log."""

import re
from collections.abc import Iterable
from uuid import UUID

from chat.content import BOT_REPLY
from chat.interactions import Outcome
from chat.models import Direction, EventKind, Message, SenderType
from chat.services.message_log import CLOSED

# The last of them: whoever wrote twenty messages does not want twenty replies at once.
LIMIT = 5
_REPLY = re.compile(rf"{BOT_REPLY}(\d+)")
_ANSWERS = {Outcome.ANSWERED, Outcome.SMALL_TALK}


def open_questions(organization_id: UUID, conversation_id: UUID, *, before: int) -> list[Message]:
    """Return the customer's unanswered messages before a seq, oldest first, at most LIMIT.

    A reply of the team answers all that stood before it; one of the bot answers its own question,
    and where it only announced a colleague, none.
    """
    return _still_open(Message.objects.before(organization_id, conversation_id, before))


def _still_open(entries: Iterable[Message]) -> list[Message]:
    asked: dict[int, Message] = {}
    for entry in entries:
        if entry.kind == EventKind.CHANGED and entry.content["change"].get("name") == CLOSED:
            asked.clear()
        if entry.kind != EventKind.POSTED or entry.is_note:
            continue
        if entry.direction == Direction.INBOUND:
            if entry.deleted_at is None:
                asked[entry.seq] = entry
        elif entry.sender.type == SenderType.AGENT:
            asked.clear()
        elif entry.content.get("outcome") in _ANSWERS and (
            reply := _REPLY.match(entry.client_message_id or "")
        ):
            asked.pop(int(reply.group(1)), None)
    return list(asked.values())[-LIMIT:]
