"""Stretches of a log are read as ranges of numbers; one that lost entries is still read whole."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chat.models import Conversation, Message
from chat.services import post_message
from chat.services.conversations import customer_sender
from crm.core import stores

LENGTH = 12


@pytest.fixture
def log(conversation: Conversation) -> Conversation:
    """Make a conversation with entries 1 to LENGTH."""
    for number in range(conversation.last_seq, LENGTH):
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=customer_sender(conversation.customer),
            content={"type": "text", "text": f"Line {number}"},
            client_message_id=f"line-{number}",
        )
    conversation.refresh_from_db()
    assert conversation.last_seq == LENGTH
    return conversation


@pytest.fixture
def lose(log: Conversation) -> Callable[..., None]:
    """Take entries out of the log, as no code of ours does."""

    def take_out(*seqs: int) -> None:
        gone = stores.mongo_db()["messages"].delete_many(
            {
                "tenant_id": str(log.organization_id),
                "conversation_id": str(log.pk),
                "seq": {"$in": seqs},
            }
        )
        assert gone.deleted_count == len(seqs)

    return take_out


def after(log: Conversation, seq: int, limit: int) -> list[int]:
    found = Message.objects.after(log.organization_id, log.pk, seq, limit=limit)
    return [message.seq for message in found]


def before(log: Conversation, seq: int, limit: int) -> list[int]:
    found = Message.objects.before(log.organization_id, log.pk, seq, limit=limit)
    return [message.seq for message in found]


def test_pages_follow_each_other(log: Conversation) -> None:
    assert after(log, 0, 5) == [1, 2, 3, 4, 5]
    assert after(log, 10, 5) == [11, 12]
    assert after(log, 12, 5) == []
    assert before(log, 13, 5) == [8, 9, 10, 11, 12]
    assert before(log, 3, 5) == [1, 2]
    assert before(log, 1, 5) == []


def test_behind_the_end_the_newest_are_given(log: Conversation) -> None:
    assert before(log, 1_000, 5) == [8, 9, 10, 11, 12]


def test_a_log_that_lost_entries_is_read_over_the_gap(
    log: Conversation, lose: Callable[..., None]
) -> None:
    lose(4, 5, 6, 7, 8, 9)
    assert after(log, 3, 4) == [10, 11, 12]
    assert before(log, 10, 4) == [1, 2, 3]
    assert before(log, 12, 4) == [2, 3, 10, 11]


def test_the_end_is_found_wherever_the_head_believes_it(
    log: Conversation, lose: Callable[..., None]
) -> None:
    def last(known: int) -> int:
        return Message.objects.last(log.organization_id, log.pk, known=known).seq

    assert [last(0), last(3), last(12)] == [12, 12, 12]
    # The log was put back to an earlier time than the head.
    lose(11, 12)
    assert last(12) == 10


def test_a_number_follows_the_log_and_not_a_head_that_is_ahead(
    log: Conversation, lose: Callable[..., None]
) -> None:
    lose(11, 12)
    message = post_message(
        organization_id=log.organization_id,
        conversation_id=log.pk,
        sender=replace(customer_sender(log.customer), name="Somebody"),
        content={"type": "text", "text": "After the restore"},
        client_message_id="after-the-restore",
    )
    assert message.seq == 11
