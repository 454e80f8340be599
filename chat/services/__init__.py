"""The services of chat: the only writers."""

from chat.services.amending import delete_message, edit_message, finish_amendment
from chat.services.conversations import (
    assign,
    close,
    hand_back,
    hand_off,
    open_conversation,
    reopen,
    require_state,
    set_labels,
    set_priority,
    snooze,
    take_over,
    wake_snoozed,
)
from chat.services.messages import (
    Posted,
    finish_effect,
    post_among,
    post_message,
    require_same,
)
from chat.services.reading import mark_seen_by_agent, mark_seen_by_customer
from chat.services.reconciling import reconcile

__all__ = [
    "Posted",
    "assign",
    "close",
    "delete_message",
    "edit_message",
    "finish_amendment",
    "finish_effect",
    "hand_back",
    "hand_off",
    "mark_seen_by_agent",
    "mark_seen_by_customer",
    "open_conversation",
    "post_among",
    "post_message",
    "reconcile",
    "reopen",
    "require_same",
    "require_state",
    "set_labels",
    "set_priority",
    "snooze",
    "take_over",
    "wake_snoozed",
]
