"""Edits and deletions whatever fails in between, and whoever writes at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction
from pymongo.errors import AutoReconnect
from pytest_django import Settings

from chat import bot
from chat.errors import MessageDeleted
from chat.interactions import BotInteraction
from chat.managers import EditManager
from chat.models import Conversation, EventKind, Message
from chat.services import reconcile
from chat.services.conversations import agent_sender
from chat.tasks import finish_late_amendment
from crm.core.errors import StoreUnavailable
from crm.organizations.models import Membership
from tests.chat.edits import delete, edit, everything_stored, head_of, log, now_of, say
from tests.sweeps import sweep_and_work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def amending_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """MongoDB is away between the entry and what it does; the answer lets it come back."""

    def away(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailable

    for name in ("edit", "delete"):
        monkeypatch.setattr(EditManager, name, away)
    return monkeypatch.undo


@pytest.mark.parametrize("amend", [edit, delete])
def test_what_a_crash_left_undone_is_swept(
    conversation: Conversation,
    reply: Message,
    agent: Membership,
    settings: Settings,
    amend: Callable[[Message, Membership], Message],
    amending_fails: Callable[[], None],
) -> None:
    settings.SWEEP_AFTER_SECONDS = -1
    entry = amend(reply, agent)
    assert now_of(reply).content["text"] == "We do, for 5 euro."
    assert now_of(entry).pending == ("amend",)
    assert head_of(conversation).last_seq == 4
    amending_fails()
    sweep_and_work(finish_late_amendment)
    shown = now_of(reply)
    assert shown.content.get("text") == (None if amend is delete else "We do, for 6 euro.")
    assert (shown.amended_seq, now_of(entry).pending) == (4, ())
    assert reconcile().differences == []


def test_an_edit_that_comes_late_does_not_undo_a_newer_one(
    conversation: Conversation,
    reply: Message,
    agent: Membership,
    settings: Settings,
    amending_fails: Callable[[], None],
) -> None:
    settings.SWEEP_AFTER_SECONDS = -1
    late = edit(reply, agent)
    amending_fails()
    edit(reply, agent, "We do, for 7 euro.", "e-2")
    sweep_and_work(finish_late_amendment)
    assert (now_of(reply).content["text"], now_of(late).pending) == ("We do, for 7 euro.", ())
    assert head_of(conversation).last_message["text"] == "We do, for 7 euro."


@pytest.mark.parametrize("amend", [edit, delete])
def test_an_entry_of_a_transaction_that_was_rolled_back_is_finished(
    conversation: Conversation,
    reply: Message,
    agent: Membership,
    settings: Settings,
    amend: Callable[[Message, Membership], Message],
) -> None:
    settings.SWEEP_AFTER_SECONDS = -1
    with transaction.atomic():
        stored = amend(reply, agent)
        transaction.set_rollback(True)
    assert head_of(conversation).last_seq == 3
    assert amend(reply, agent).seq == stored.seq
    head = head_of(conversation)
    assert (head.last_seq, len(log(conversation))) == (4, 4)
    assert head.last_message["text"] == ("" if amend is delete else "We do, for 6 euro.")
    assert reconcile().differences == []


def test_a_message_that_was_not_amended_is_told_and_mended(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    delete(reply, agent)
    Message.objects.collection.update_one(
        {"message_id": str(reply.message_id)},
        {
            "$set": {"content": {"type": "text", "text": "Back from a backup"}},
            "$unset": {"deleted_at": "", "deleted_by": "", "amended_seq": ""},
        },
    )
    assert reconcile().counts()["amendment_missing"] == 1
    result = reconcile(repair=True)
    assert (len(result.differences), result.repaired) == (1, 1)
    assert "text" not in now_of(reply).content
    assert reconcile().differences == []


def test_a_store_that_is_away_says_so_and_changes_nothing(
    conversation: Conversation, reply: Message, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> None:
        raise StoreUnavailable from AutoReconnect("away")

    monkeypatch.setattr(type(Message.objects), "insert", away)
    for amend in (edit, delete):
        with pytest.raises(StoreUnavailable):
            amend(reply, agent)
    assert now_of(reply).amended_seq == 0
    assert head_of(conversation).last_message["text"] == "We do, for 5 euro."


@pytest.fixture
def at_once() -> Iterator[Callable[..., Future[Any]]]:
    """Run something in a thread with a connection of its own."""

    def run(work: Callable[..., Any], *args: Any) -> Any:
        try:
            return work(*args)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        yield lambda work, *args: pool.submit(run, work, *args)


def test_edits_deletions_and_posts_at_once_take_turns(
    conversation: Conversation,
    reply: Message,
    agent: Membership,
    at_once: Callable[..., Future[Any]],
) -> None:
    sender = agent_sender(agent.user)
    work: list[Future[Any]] = []
    for number in range(6):
        work.append(at_once(edit, reply, agent, f"Version {number}", f"e-{number}"))
        work.append(at_once(say, conversation, sender, f"Line {number}", f"m-{number}"))
        if number == 3:
            work += [at_once(delete, reply, agent), at_once(delete, reply, agent)]
    outcomes = [each.exception() for each in work]
    assert all(each is None or isinstance(each, MessageDeleted) for each in outcomes)

    entries = log(conversation)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    deletions = [entry for entry in entries if entry.kind == EventKind.DELETED]
    edits = [entry for entry in entries if entry.kind == EventKind.EDITED]
    assert len(deletions) == 1
    assert all(each.seq < deletions[0].seq for each in edits)
    assert len(edits) == 6 - sum(each is not None for each in outcomes)
    assert now_of(reply).amended_seq == deletions[0].seq
    assert "Version" not in everything_stored(conversation)
    assert head_of(conversation).last_seq == len(entries)
    assert reconcile().differences == []


def test_a_question_that_is_deleted_while_the_bot_thinks_is_not_answered(
    conversation: Conversation,
    owner: Membership,
    monkeypatch: pytest.MonkeyPatch,
    amending_fails: Callable[[], None],
) -> None:
    decide = bot._decide

    def deleted_meanwhile(*args: Any) -> bot.Reply:
        reply = decide(*args)
        delete(log(conversation)[0], owner)
        return reply

    monkeypatch.setattr(bot, "_decide", deleted_meanwhile)
    bot.answer(organization_id=conversation.organization_id, conversation_id=conversation.pk, seq=1)
    assert [entry.kind for entry in log(conversation)] == [EventKind.POSTED, EventKind.DELETED]
    amending_fails()
    reconcile(repair=True)
    assert (
        BotInteraction.objects.of_question(conversation.organization_id, conversation.pk, 1) is None
    )
