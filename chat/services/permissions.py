"""Permissions on conversations."""

from uuid import UUID

from chat.errors import ConversationNotFound, NotYours, ReadOnly
from chat.models import Conversation
from chat.services.message_log import lock_conversation
from crm.core.errors import AppError
from crm.core.permissions import READ, WRITE, Module, Principal, can_access


def is_visible(by: Principal, conversation: Conversation) -> bool:
    """Return what ``Conversation.objects.visible_to(by)`` holds of a row that is at hand."""
    is_theirs = by.organization_id == conversation.organization_id and conversation.last_seq > 0
    return is_theirs and can_access(by, Module.INBOX, READ, conversation.owner_ids)


def refusal_of_change(by: Principal, conversation: Conversation) -> AppError | None:
    """Return the error if ``by`` may not change the conversation, else None.

    A conversation that they cannot see is ConversationNotFound.
    """
    owners = conversation.owner_ids
    is_theirs = by.organization_id == conversation.organization_id
    if not is_theirs or not can_access(by, Module.INBOX, READ, owners):
        return ConversationNotFound()
    if not by.may(Module.INBOX, WRITE):
        return ReadOnly()
    if not can_access(by, Module.INBOX, WRITE, owners):
        return NotYours()
    return None


def lock_for_change(*, organization_id: UUID, conversation_id: UUID, by: Principal) -> Conversation:
    """Lock the conversation if the principal may change it. Raise the error otherwise."""
    conversation = lock_conversation(
        organization_id=organization_id, conversation_id=conversation_id
    )
    if refusal := refusal_of_change(by, conversation):
        raise refusal
    return conversation
