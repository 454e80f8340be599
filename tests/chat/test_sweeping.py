"""Questions whose task was lost are started again, and only those."""

import base64
import json

import pytest
from pytest_django import Settings

from chat.models import Conversation
from chat.services import post_message
from chat.services.conversations import customer_sender
from chat.tasks import sweep_pending
from config import stores


@pytest.fixture(autouse=True)
def _at_once(settings: Settings) -> None:
    settings.CHAT_SWEEP_AFTER_SECONDS = -1


def ask(conversation: Conversation, client_message_id: str) -> None:
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": "And to Cebu?"},
        client_message_id=client_message_id,
    )


def queued() -> list[list[object]]:
    """Give the arguments of the tasks that wait for a worker, the oldest first."""
    found = []
    for raw in stores.redis().lrange("ai", 0, -1)[::-1]:
        body = json.loads(base64.b64decode(json.loads(raw)["body"]))
        found.append(body[0])
    return found


def test_a_lost_question_is_queued(conversation: Conversation) -> None:
    sweep_pending()
    assert queued() == [[str(conversation.organization_id), str(conversation.pk), 1]]


def test_questions_that_wait_in_the_queue_are_not_queued_again(conversation: Conversation) -> None:
    for number in range(4):
        ask(conversation, f"more-{number}")
    sweep_pending()
    assert [seq for _organization, _conversation, seq in queued()] == [1, 2, 3, 4, 5]
    for _ in range(3):
        sweep_pending()
    assert len(queued()) == 5


def test_a_question_lost_beside_waiting_ones_is_queued(conversation: Conversation) -> None:
    sweep_pending()
    ask(conversation, "more")
    sweep_pending()
    assert [seq for _organization, _conversation, seq in queued()] == [1, 1, 2]


def test_nothing_late_queues_nothing(conversation: Conversation, settings: Settings) -> None:
    settings.CHAT_SWEEP_AFTER_SECONDS = 60
    sweep_pending()
    assert queued() == []
