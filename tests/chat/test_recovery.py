"""Questions whose task was lost are started again, and only those."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent
from pytest_django import Settings

from chat.managers import EditManager
from chat.models import Conversation, Message, Status, Widget
from chat.services import close, finish_effect, post_message, snooze, wake_snoozed
from chat.services.conversations import customer_sender
from chat.services.message_log import lock_conversation
from chat.services.recovery import pending_answers
from chat.tasks import answer_with_bot, finish_late_amendment
from crm.core import stores
from crm.core.errors import StoreUnavailable
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.chat.edits import delete, now_of
from tests.conftest import make_conversation
from tests.sweeps import sweep, sweep_and_work


@pytest.fixture(autouse=True)
def _at_once(settings: Settings) -> None:
    settings.SWEEP_AFTER_SECONDS = -1


class UpdateCounter(CommandListener):
    """Counts what changes documents."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "update"

    def succeeded(self, event: object) -> None:
        """Part of the interface."""

    def failed(self, event: object) -> None:
        """Part of the interface."""


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
    sweep(answer_with_bot)
    assert queued() == [[str(conversation.organization_id), str(conversation.pk), 1]]


def test_questions_that_wait_in_the_queue_are_not_queued_again(conversation: Conversation) -> None:
    for number in range(4):
        ask(conversation, f"more-{number}")
    sweep(answer_with_bot)
    assert [seq for _organization, _conversation, seq in queued()] == [1, 2, 3, 4, 5]
    for _ in range(3):
        sweep(answer_with_bot)
    assert len(queued()) == 5


def test_a_question_lost_beside_waiting_ones_is_queued(conversation: Conversation) -> None:
    sweep(answer_with_bot)
    ask(conversation, "more")
    sweep(answer_with_bot)
    assert [seq for _organization, _conversation, seq in queued()] == [1, 1, 2]


def test_the_last_effect_is_struck_off_in_one_write(conversation: Conversation) -> None:
    question = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    assert question is not None
    updates = UpdateCounter()
    with (
        MongoClient[dict[str, Any]](
            django_settings.MONGODB_URL, event_listeners=[updates]
        ) as client,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(stores, "mongo_db", lambda: client[django_settings.MONGODB_NAME])
        finish_effect(message=question, effect="answer")
    assert updates.count == 1
    assert stores.mongo_db()["messages"].count_documents({"pending": {"$exists": True}}) == 0


def test_striking_off_again_changes_nothing(conversation: Conversation) -> None:
    question = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    assert question is not None
    for _ in range(2):
        finish_effect(message=question, effect="answer")
    document = stores.mongo_db()["messages"].find_one({"seq": 1})
    assert document is not None
    assert "pending" not in document


def test_one_of_two_effects_leaves_the_other(conversation: Conversation) -> None:
    messages = stores.mongo_db()["messages"]
    messages.update_one({"seq": 1}, {"$set": {"pending": ["answer", "embed"]}})
    question = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    assert question is not None
    finish_effect(message=question, effect="answer")
    stored = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    assert stored is not None
    assert stored.pending == ("embed",)


def test_an_edit_in_a_conversation_that_is_gone_holds_up_nobody(
    conversation: Conversation,
    reply: Message,
    agent: Membership,
    customer: Customer,
    widget: Widget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(EditManager, "delete", away)
        entry = delete(reply, agent)
    close(organization_id=agent.organization_id, conversation_id=conversation.pk, by=agent)
    other = make_conversation(customer, widget, first="second")
    conversation.delete()
    for _again in range(2):
        sweep_and_work(finish_late_amendment)
        sweep(answer_with_bot)
    assert queued()[-1] == [str(other.organization_id), str(other.pk), 1]
    assert now_of(entry).pending == ()
    assert "text" not in now_of(reply).content


def test_many_late_effects_of_one_kind_hide_none_of_another(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.services.recovery.BATCH", 2)
    for number in range(3):
        ask(conversation, f"more-{number}")
    stores.mongo_db()["messages"].update_many(
        {"seq": {"$lt": 4}}, {"$set": {"pending": ["another"]}}
    )
    assert [message.seq for message in pending_answers()] == [4]


@pytest.fixture
def asleep(conversation: Conversation, agent: Membership) -> Conversation:
    """A conversation whose snooze is over."""
    snooze(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        until=timezone.now() + timedelta(hours=1),
        by=agent,
    )
    snooze_until(conversation, timezone.now() - timedelta(seconds=1))
    return conversation


def snooze_until(conversation: Conversation, moment: datetime) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(snoozed_until=moment)


def test_a_conversation_wakes_once(asleep: Conversation) -> None:
    assert [wake_snoozed(), wake_snoozed()] == [1, 0]
    asleep.refresh_from_db()
    assert (asleep.status, asleep.snoozed_until) == (Status.OPEN, None)


def test_one_that_was_snoozed_anew_meanwhile_sleeps_on(
    asleep: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(hours=2)

    def snoozed_before(**named: Any) -> Conversation:
        snooze_until(asleep, later)
        return lock_conversation(**named)

    monkeypatch.setattr("chat.services.conversations.lock_conversation", snoozed_before)
    assert wake_snoozed() == 0
    asleep.refresh_from_db()
    assert (asleep.status, asleep.snoozed_until) == (Status.SNOOZED, later)


def test_nothing_late_queues_nothing(conversation: Conversation, settings: Settings) -> None:
    settings.SWEEP_AFTER_SECONDS = 60
    sweep(answer_with_bot)
    assert queued() == []
