"""The services of chat: the only writers."""

from chat.services.conversations import (
    assign,
    close,
    escalate,
    open_conversation,
    reopen,
    require_state,
    return_to_bot,
    set_labels,
    set_priority,
    snooze,
    take_over,
    wake_snoozed,
)
from chat.services.editing import delete_message, edit_message, finish_amendment
from chat.services.messages import (
    OutgoingMessage,
    Posted,
    finish_effect,
    post_among,
    post_batch_among,
    post_message,
    require_same,
)
from chat.services.read_receipts import mark_seen_by_agent, mark_seen_by_customer
from chat.services.reconciliation import reconcile

__all__ = [
    "OutgoingMessage",
    "Posted",
    "assign",
    "close",
    "delete_message",
    "edit_message",
    "escalate",
    "finish_amendment",
    "finish_effect",
    "mark_seen_by_agent",
    "mark_seen_by_customer",
    "open_conversation",
    "post_among",
    "post_batch_among",
    "post_message",
    "reconcile",
    "reopen",
    "require_same",
    "require_state",
    "return_to_bot",
    "set_labels",
    "set_priority",
    "snooze",
    "take_over",
    "wake_snoozed",
]
