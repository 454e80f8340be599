"""The one write path: numbers without gaps, nothing twice, nothing told before it is true."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import Redis

from chat.content import clean_content
from chat.errors import (
    ConversationClosed,
    ConversationNotFound,
    ConversationTaken,
    InvalidClientMessageId,
    NoteFromOutside,
)
from chat.models import (
    Conversation,
    EventKind,
    Message,
    Sender,
    SenderType,
    Widget,
)
from chat.services import close, open_conversation, post_message, return_to_bot, snooze, take_over
from chat.services.conversations import agent_sender, customer_sender
from chat.signals import message_posted
from crm.core import realtime, redis_circuit_breaker, stores
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization

BOT = Sender(type=SenderType.BOT, id="bot", name="Bot")


def post(
    conversation: Conversation, client_message_id: str, sender: Sender | None = None, **content: str
) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=sender or customer_sender(conversation.customer),
        content={"type": "text", "text": "Hi"} | content,
        client_message_id=client_message_id,
    )


def log(conversation: Conversation) -> list[Message]:
    return Message.objects.after(conversation.organization_id, conversation.pk, 0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give what sockets are told, in order; it goes to Redis all the same."""
    heard: list[str] = []
    publish = realtime.publish

    def listen(*messages: tuple[str, dict[str, Any]]) -> None:
        heard.extend(message["type"] for _group, message in messages)
        publish(*messages)

    monkeypatch.setattr(realtime, "publish", listen)
    return heard


@pytest.fixture
def signalled() -> Iterator[list[int]]:
    heard: list[int] = []

    def listen(*, seq: int, **kwargs: Any) -> None:
        heard.append(seq)

    message_posted.connect(listen, weak=False, dispatch_uid="tests.listen")
    yield heard
    message_posted.disconnect(dispatch_uid="tests.listen")


class Writers:
    """Threads that write; each leaves no connection behind."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(8)

    def submit(self, call: Any, *args: Any) -> "Future[Any]":
        return self._pool.submit(self._closing, call, *args)

    def _closing(self, call: Any, *args: Any) -> Any:
        try:
            return call(*args)
        finally:
            connections.close_all()

    def stop(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def writers() -> Iterator[Writers]:
    writers = Writers()
    yield writers
    writers.stop()


@pytest.mark.django_db(transaction=True)
def test_a_post_stores_nothing_until_it_holds_the_row_lock(
    conversation: Conversation, writers: Writers
) -> None:
    with transaction.atomic():
        Conversation.objects.select_for_update().get(pk=conversation.pk)
        waiting = writers.submit(post, conversation, "c-1")
        with pytest.raises(StillWaiting):
            waiting.result(timeout=0.5)
        assert [message.seq for message in log(conversation)] == [1]
    assert waiting.result(timeout=60).seq == 2


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_number_without_gaps(conversation: Conversation, writers: Writers) -> None:
    futures = [
        writers.submit(post, conversation, f"w{writer}-{number}")
        for number in range(10)
        for writer in range(6)
    ]
    numbers = sorted(future.result(timeout=60).seq for future in futures)
    assert numbers == list(range(2, 62))
    assert [message.seq for message in log(conversation)] == list(range(1, 62))
    conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.inbound_total) == (61, 61)


@pytest.mark.django_db(transaction=True)
def test_the_same_id_from_many_at_once_is_one_message(
    conversation: Conversation, writers: Writers
) -> None:
    futures = [writers.submit(post, conversation, "same") for _number in range(8)]
    assert {future.result(timeout=60).message_id for future in futures} == {
        log(conversation)[1].message_id
    }
    assert len(log(conversation)) == 2


@pytest.mark.django_db(transaction=True)
def test_first_messages_at_once_share_one_conversation(
    customer: Customer, widget: Widget, writers: Writers
) -> None:
    def begin(name: str) -> Message:
        return open_conversation(
            organization_id=customer.organization_id,
            customer_id=customer.pk,
            widget=widget,
            language_code="en",
            content={"type": "text", "text": name},
            client_message_id=name,
        )

    futures = [writers.submit(begin, f"tab-{number}") for number in range(6)]
    messages = [future.result(timeout=60) for future in futures]
    assert len({message.conversation_id for message in messages}) == 1
    assert sorted(message.seq for message in messages) == [1, 2, 3, 4, 5, 6]
    assert Conversation.objects.count() == 1


class Rollback(Exception):
    """Something else in the transaction failed after the message was stored."""


@transaction.atomic
def post_and_fail(conversation: Conversation, client_message_id: str) -> None:
    post(conversation, client_message_id)
    raise Rollback


@pytest.mark.django_db(transaction=True)
def test_rollback_after_store_does_not_wedge_the_conversation(
    conversation: Conversation, told: list[str]
) -> None:
    with pytest.raises(Rollback):
        post_and_fail(conversation, "c-1")
    conversation.refresh_from_db()
    assert (conversation.last_seq, len(log(conversation)), told) == (1, 2, [])
    assert post(conversation, "c-2").seq == 3
    conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.inbound_total) == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_the_retry_of_a_rolled_back_post_finishes_it(
    conversation: Conversation, told: list[str]
) -> None:
    with pytest.raises(Rollback):
        post_and_fail(conversation, "c-1")
    first = log(conversation)[1]
    again = post(conversation, "c-1")
    assert (again.message_id, again.seq) == (first.message_id, 2)
    conversation.refresh_from_db()
    assert conversation.last_seq == 2
    assert told == ["stream.hint", "inbox.row"]
    assert len(log(conversation)) == 2


@pytest.mark.django_db(transaction=True)
def test_nothing_is_announced_before_commit(
    conversation: Conversation, told: list[str], signalled: list[int]
) -> None:
    with transaction.atomic():
        post(conversation, "c-1")
        assert (told, signalled) == ([], [])
    assert (told, signalled) == (["stream.hint", "inbox.row"], [2])


@pytest.mark.django_db(transaction=True)
def test_a_retry_is_not_announced_again(
    conversation: Conversation, told: list[str], signalled: list[int]
) -> None:
    first = post(conversation, "c-1")
    assert post(conversation, "c-1") == first
    assert (told, signalled) == (["stream.hint", "inbox.row"], [2])


@pytest.mark.django_db(transaction=True)
def test_a_retry_is_answered_after_the_conversation_was_closed(
    conversation: Conversation, agent: Membership
) -> None:
    stored = post(conversation, "c-1")
    close(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    assert post(conversation, "c-1") == stored
    before = log(conversation)
    with pytest.raises(ConversationClosed):
        post(conversation, "c-2")
    assert log(conversation) == before


@pytest.mark.django_db(transaction=True)
def test_the_bot_may_not_write_after_a_person_took_over(
    conversation: Conversation, agent: Membership
) -> None:
    ids: Any = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    assert post(conversation, "b-1", BOT).seq == 2
    take_over(**ids, by=agent)
    before = log(conversation)
    with pytest.raises(ConversationTaken):
        post(conversation, "b-2", BOT)
    assert log(conversation) == before
    assert post(conversation, "b-1", BOT).seq == 2
    return_to_bot(**ids, by=agent)
    assert post(conversation, "b-2", BOT).seq == 5


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_stores_nothing(
    conversation: Conversation, stranger_organization: Organization, agent: Membership
) -> None:
    before = log(conversation)
    with pytest.raises(NoteFromOutside):
        post(conversation, "n-1", type="note")
    for wrong in ("", "a b", "x" * 65, "ä"):
        with pytest.raises(InvalidClientMessageId):
            post(conversation, wrong)
    with pytest.raises(ConversationNotFound):
        post_message(
            organization_id=stranger_organization.pk,
            conversation_id=conversation.pk,
            sender=agent_sender(agent.user),
            content={"type": "text", "text": "Hi"},
            client_message_id="s-1",
        )
    assert log(conversation) == before


@pytest.mark.django_db(transaction=True)
def test_a_customers_message_wakes_a_snoozed_conversation_in_order(
    conversation: Conversation, agent: Membership
) -> None:
    snooze(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        until=timezone.now() + timedelta(hours=1),
        by=agent,
    )
    message = post(conversation, "c-1")
    entries = log(conversation)
    assert [entry.kind for entry in entries] == [
        EventKind.POSTED,
        EventKind.CHANGED,
        EventKind.CHANGED,
        EventKind.POSTED,
    ]
    assert entries[2].content["change"]["name"] == "woken"
    assert message.seq == 4
    conversation.refresh_from_db()
    assert (conversation.status, conversation.snoozed_until) == ("open", None)


@pytest.mark.django_db(transaction=True)
def test_the_head_follows_the_log(conversation: Conversation, agent: Membership) -> None:
    first_waiting = conversation.waiting_since
    post(conversation, "c-1")
    post(conversation, "n-1", agent_sender(agent.user), type="note")
    conversation.refresh_from_db()
    assert conversation.waiting_since == first_waiting
    assert (conversation.last_seq, conversation.inbound_total) == (3, 2)
    reply = post(conversation, "r-1", agent_sender(agent.user), text="x" * 300)
    conversation.refresh_from_db()
    assert conversation.waiting_since is None
    assert conversation.last_message == {
        "text": "x" * 140,
        "type": "text",
        "sender_type": "agent",
        "sender_name": "Linh",
    }
    assert conversation.last_message_at == reply.timestamp
    assert [entry.inbound_total for entry in log(conversation)] == [1, 2, 2, 2]


@pytest.mark.django_db(transaction=True)
def test_a_message_is_stored_as_the_documents_say(conversation: Conversation) -> None:
    post(conversation, "c-1")
    document = stores.mongo_db()["messages"].find_one({"client_message_id": "c-1"})
    assert document is not None
    assert document.keys() == {
        "_id",
        "tenant_id",
        "conversation_id",
        "message_id",
        "seq",
        "kind",
        "direction",
        "channel",
        "sender",
        "content",
        "timestamp",
        "received_at",
        "inbound_total",
        "status",
        "client_message_id",
        "pending",
    }
    assert document["pending"] == ["answer"]
    assert document["sender"].keys() == {"type", "id", "name"}
    assert document["timestamp"].microsecond % 1000 == 0


@pytest.mark.django_db(transaction=True)
def test_a_post_costs_one_lock_and_one_update(conversation: Conversation) -> None:
    sender = customer_sender(conversation.customer)
    with CaptureQueriesContext(connection) as queries:
        post(conversation, "c-1", sender)
    statements = [query["sql"].split(" ")[0] for query in queries]
    assert [s for s in statements if s in {"SELECT", "INSERT", "UPDATE"}] == ["SELECT", "UPDATE"]


@pytest.mark.django_db(transaction=True)
def test_text_is_cleaned_before_it_is_stored(conversation: Conversation) -> None:
    content = clean_content({"type": "text", "text": "  a\r\nb\rc\t<b>\u202e  "})
    message = post(conversation, "c-1", text=content["text"])
    assert message.content == {"type": "text", "text": "a\nb\nc\t<b>"}


@pytest.mark.django_db(transaction=True)
def test_a_dead_redis_does_not_fail_a_stored_message(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: Redis = Redis(host="127.0.0.1", port=1)
    monkeypatch.setattr(redis_circuit_breaker, "client", lambda: gone)
    assert post(conversation, "c-1").seq == 2
    monkeypatch.undo()
    assert len(log(conversation)) == 2
