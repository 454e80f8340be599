"""A turn that is killed or fails at any step ends as one answer or with people."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from chat import bot
from chat.bot_texts import Line
from chat.interactions import Outcome
from chat.models import Conversation, Message, Status
from chat.tasks import answer_with_bot
from crm.core.errors import StoreUnavailable
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.services import import_faqs, index_now
from tests.chat.bot_turns import (
    SHIPPING,
    ask,
    changes,
    farewell,
    is_struck_off,
    log,
    replies,
    run,
    turn,
)
from tests.knowledge.conftest import TEXTS, contents
from tests.outages import without_qdrant


class KilledHere(Exception):
    """Stands for a process that ends at this line."""


def die(*args: Any, **kwargs: Any) -> None:
    raise KilledHere


def killed_at(
    step: str, question: Message, monkeypatch: pytest.MonkeyPatch, owner: Any = bot
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, die)
        with pytest.raises(KilledHere):
            run(question)
    assert not is_struck_off(question)


@pytest.mark.parametrize("step", ["_decide", "_say", "_finish", "finish_effect"])
@pytest.mark.parametrize(
    ("text", "outcome", "escalated"),
    [
        (SHIPPING, Outcome.ANSWERED, 0),
        ("human please", Outcome.ASKED_FOR_PERSON, 1),
        ("Who won the football match?", Outcome.UNKNOWN, 1),
    ],
)
def test_killed_between_steps(
    knowing: Organization,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    text: str,
    outcome: Outcome,
    escalated: int,
) -> None:
    question = ask(conversation, text)
    killed_at(step, question, monkeypatch)
    run(question)
    assert (len(replies(question)), len(changes(question))) == (1, escalated)
    assert turn(question).outcome == outcome
    assert is_struck_off(question)


def test_killed_between_reply_and_escalation(
    knowing: Organization, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(conversation, "Who won the football match?")
    killed_at("escalate", question, monkeypatch)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_seq) == (Status.BOT, question.seq)
    run(question)
    reply, change = log(question)
    assert reply.content["outcome"] == "unknown"
    assert change.content["change"]["reason"] == "unknown"
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_seq) == (Status.OPEN, change.seq)


def test_what_was_said_before_the_kill_stands(
    knowing: Organization, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(conversation, "Do you sell decaf coffee?")
    killed_at("escalate", question, monkeypatch)
    from_faq = contents()[0]
    import_faqs(
        by=SystemPrincipal(knowing.pk),
        contents=[type(from_faq)("Do you sell decaf coffee?", "Yes.", "en", key="decaf")],
    )
    index_now(organization_id=knowing.pk)
    run(question)
    assert replies(question) == [farewell(Line.UNKNOWN)]
    assert [change["reason"] for change in changes(question)] == ["unknown"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_say_it_once(
    knowing: Organization, conversation: Conversation
) -> None:
    known = ask(conversation, SHIPPING, "a")
    unknown = ask(conversation, "Who won the football match?", "b")

    def work(question: Message) -> None:
        try:
            run(question)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [known] * 4))
        list(pool.map(work, [unknown] * 4))
    assert replies(known) == [TEXTS["delivery"]["en"][1], farewell(Line.UNKNOWN)]
    assert len(changes(known)) == 1
    assert is_struck_off(known)
    assert is_struck_off(unknown)


def test_search_that_fails_hands_off_after_the_retries(
    knowing: Organization, conversation: Conversation
) -> None:
    question = ask(conversation, SHIPPING)
    with without_qdrant():
        with pytest.raises(StoreUnavailable):
            run(question)
        assert log(question) == []
        assert not is_struck_off(question)
        answer_with_bot.apply(args=(str(knowing.pk), str(conversation.pk), question.seq))
    assert replies(question) == [farewell(Line.FAILED)]
    assert [change["reason"] for change in changes(question)] == ["failed"]
    assert turn(question).outcome == Outcome.FAILED
    assert is_struck_off(question)


def test_question_that_nobody_gets_through_with_is_escalated(
    knowing: Organization, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(conversation, SHIPPING)
    for _attempt in range(bot.MAX_ATTEMPTS):
        killed_at("_decide", question, monkeypatch)
    run(question)
    assert [change["reason"] for change in changes(question)] == ["failed"]
    assert is_struck_off(question)


def test_giving_up_after_an_answer_changes_nothing(
    knowing: Organization, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(conversation, SHIPPING)
    killed_at("_finish", question, monkeypatch)
    bot.give_up(organization_id=knowing.pk, conversation_id=conversation.pk, seq=question.seq)
    assert replies(question) == [TEXTS["delivery"]["en"][1]]
    assert changes(question) == []
    assert turn(question).outcome == Outcome.ANSWERED
