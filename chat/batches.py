"""Several messages of one sender in one stream, posted in their order under one lock."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chat.content import clean_content
from chat.errors import NoteFromOutside
from chat.models import ContentType, SenderType
from chat.participants import Agent, Viewer, Visitor, conversation_id_of
from chat.services import OutgoingMessage, Posted, post_batch_among, require_same
from chat.services.conversations import customer_sender, sender_of
from chat.services.permissions import is_visible
from crm.core.api.exceptions import IdempotencyKeyReused
from crm.core.errors import AppError, TooFast

Outcome = Posted | AppError


def post_batch(
    viewer: Viewer, *, stream: str, messages: Sequence[OutgoingMessage]
) -> list[Outcome]:
    """Post each message as ``viewer.post`` does. Return of each what was stored, or its refusal.

    A visitor's rate counts each message; from the first one beyond it none is posted, so that no
    later message precedes an earlier one. Raise what concerns the whole: ConversationNotFound,
    BatchInFlight, ReadOnly and StoreUnavailable.
    """
    if isinstance(viewer, Visitor):
        return _post_of_visitor(viewer, stream, messages)
    return _post_of_agent(viewer, stream, messages)


def _post_of_visitor(
    visitor: Visitor, stream: str, messages: Sequence[OutgoingMessage]
) -> list[Outcome]:
    admitted, refusal = _admit(visitor, len(messages))
    checked = [_checked(each, _content_from_outside) for each in messages[:admitted]]

    def post(valid: list[OutgoingMessage]) -> list[Outcome]:
        return post_batch_among(
            lambda conversation: conversation.customer_id == visitor.customer_id,
            organization_id=visitor.organization_id,
            conversation_id=conversation_id_of(stream),
            batch_of=visitor.log_name,
            sender_of=lambda conversation: customer_sender(conversation.customer),
            messages=valid,
        )

    outcomes = _merged(visitor, stream, checked, post, SenderType.CUSTOMER)
    if refusal is not None:
        outcomes += [refusal] * (len(messages) - admitted)
    return outcomes


def _post_of_agent(agent: Agent, stream: str, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
    agent.begin_writing()
    sender = sender_of(agent.membership)
    checked = [_checked(each, clean_content) for each in messages]

    def post(valid: list[OutgoingMessage]) -> list[Outcome]:
        return post_batch_among(
            lambda conversation: is_visible(agent.membership, conversation),
            organization_id=agent.organization_id,
            conversation_id=conversation_id_of(stream),
            batch_of=agent.log_name,
            sender_of=lambda conversation: sender,
            messages=valid,
            by=agent.membership,
        )

    return _merged(agent, stream, checked, post, SenderType.AGENT)


def _admit(visitor: Visitor, messages: int) -> tuple[int, TooFast | None]:
    """Return how many of so many messages may be posted now, and the refusal of the others."""
    for number in range(messages):
        try:
            visitor.count_message()
        except TooFast as refusal:
            return number, refusal
    return messages, None


def _checked(
    message: OutgoingMessage, clean: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> OutgoingMessage | AppError:
    try:
        return OutgoingMessage(clean(message.content), message.client_message_id)
    except AppError as refusal:
        return refusal


def _content_from_outside(content: Mapping[str, Any]) -> Mapping[str, Any]:
    cleaned = clean_content(content)
    if cleaned["type"] == ContentType.NOTE:
        raise NoteFromOutside
    return cleaned


def _merged(
    viewer: Viewer,
    stream: str,
    checked: Sequence[OutgoingMessage | AppError],
    post: Callable[[list[OutgoingMessage]], list[Outcome]],
    sender_type: SenderType,
) -> list[Outcome]:
    """Post the valid ones, and return the outcome of each in the order given."""
    valid = [each for each in checked if isinstance(each, OutgoingMessage)]
    if not valid:
        # Whether there is such a stream comes before what is wrong with a message.
        viewer.conversation_of(stream)
        return [each for each in checked if isinstance(each, AppError)]
    posted = iter(post(valid))
    return [
        each if isinstance(each, AppError) else _same(next(posted), each, sender_type)
        for each in checked
    ]


def _same(outcome: Outcome, sent: OutgoingMessage, sender_type: SenderType) -> Outcome:
    if isinstance(outcome, AppError):
        return outcome
    try:
        require_same(outcome.message, content=sent.content, sender_type=sender_type)
    except IdempotencyKeyReused as refusal:
        return refusal
    return outcome
