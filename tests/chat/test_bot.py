"""Every question of a customer is answered once or given to people, whoever is killed where."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from channels_redis.serializers import registry
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from chat import bot
from chat.bot_texts import Line, line
from chat.events import conversation_group
from chat.interactions import BotInteraction, Outcome
from chat.models import Conversation, EventKind, Message, SenderType, Status
from chat.services import close, hand_back, post_message, take_over
from chat.services.conversations import customer_sender
from chat.tasks import answer_with_bot
from config import stores
from config.errors import StoreUnavailable
from crm.accounts.models import Membership, Organization
from crm.customers.models import Customer
from knowledge.services import Answer, import_faqs, index_now
from tests.knowledge.conftest import TEXTS, contents

SHIPPING = "How much is the shipping to Russia?"


class KilledHere(Exception):
    """Stands for a process that ends at this line."""


@pytest.fixture
def knowing(organization: Organization) -> Organization:
    """The organization, with FAQs that the bot finds."""
    import_faqs(organization_id=organization.pk, contents=contents(), by=None)
    index_now(organization_id=organization.pk)
    BotInteraction.objects.create_indexes()
    return organization


def ask(conversation: Conversation, text: str, client_message_id: str = "q") -> Message:
    """Post a customer's message that the bot has to answer."""
    question = post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": text},
        client_message_id=client_message_id,
    )
    assert question.pending == ("answer",)
    return question


def run(question: Message) -> None:
    bot.answer(
        organization_id=question.tenant_id,
        conversation_id=question.conversation_id,
        seq=question.seq,
    )


def log(question: Message) -> list[Message]:
    """Give what followed a question."""
    return Message.objects.after(question.tenant_id, question.conversation_id, question.seq)


def replies(question: Message) -> list[str]:
    return [m.content["text"] for m in log(question) if m.sender.type == SenderType.BOT]


def changes(question: Message) -> list[dict[str, Any]]:
    return [m.content["change"] for m in log(question) if m.kind == EventKind.CHANGED]


def is_struck_off(question: Message) -> bool:
    now = Message.objects.numbered(question.tenant_id, question.conversation_id, question.seq)
    return now is not None and now.pending == ()


def turn(question: Message) -> BotInteraction:
    found = BotInteraction.objects.of_question(
        question.tenant_id, question.conversation_id, question.seq
    )
    assert found is not None
    return found


def test_known_question_is_answered_with_its_source(
    knowing: Organization, conversation: Conversation
) -> None:
    question = ask(conversation, SHIPPING)
    run(question)
    (reply,) = log(question)
    assert reply.client_message_id == f"bot-reply-to-{question.seq}"
    assert (reply.sender.type, reply.sender.id) == (SenderType.BOT, "bot")
    assert reply.sender.name == "Assistant"
    assert reply.content["text"] == TEXTS["delivery"]["en"][1]
    (source,) = reply.content["sources"]
    assert source["title"] == "How much is shipping to Russia?"
    assert source["url"].startswith("/help/")
    assert reply.content["confidence"] > 0.5
    assert is_struck_off(question)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_seq) == (Status.PENDING, reply.seq)


def test_turn_is_recorded(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, SHIPPING)
    run(question)
    recorded = turn(question)
    assert recorded.tenant_id == conversation.organization_id
    assert recorded.question == SHIPPING
    assert recorded.outcome == Outcome.ANSWERED
    assert recorded.answer == TEXTS["delivery"]["en"][1]
    assert recorded.sources[0]["title"] == "How much is shipping to Russia?"
    assert (recorded.language, recorded.cached, recorded.attempts) == ("en", False, 1)
    assert recorded.confidence > 0.5
    assert recorded.model
    assert recorded.duration_ms > 0


def test_answering_twice_says_it_once(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, SHIPPING)
    run(question)
    run(question)
    assert len(log(question)) == 1
    assert turn(question).attempts == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [("Giao hàng sang Nga phí bao nhiêu?", "vi"), ("Сколько стоит доставка в Россию?", "ru")],
)
def test_answer_is_in_the_questions_language(
    knowing: Organization, conversation: Conversation, text: str, language: str
) -> None:
    question = ask(conversation, text)
    run(question)
    assert replies(question) == [TEXTS["delivery"][language][1]]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I want to talk to a person", "en"),
        ("Tôi muốn nói chuyện với nhân viên", "vi"),
        ("Хочу поговорить с человеком", "ru"),
    ],
)
def test_who_asks_for_a_person_is_handed_off(
    knowing: Organization, conversation: Conversation, text: str, language: str
) -> None:
    question = ask(conversation, text)
    run(question)
    assert replies(question) == [line(Line.ASKED, language)]
    (change,) = changes(question)
    assert (change["name"], change["reason"], change["status"]) == ("handed_off", "asked", "open")
    assert turn(question).outcome == Outcome.ASKED_FOR_PERSON
    assert is_struck_off(question)


def test_unknown_question_is_handed_off(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, "Who won the football match last night?")
    run(question)
    assert replies(question) == [line(Line.UNKNOWN, "en")]
    assert [change["reason"] for change in changes(question)] == ["unknown"]
    recorded = turn(question)
    assert (recorded.outcome, recorded.sources) == (Outcome.UNKNOWN, [])
    conversation.refresh_from_db()
    assert conversation.status == Status.OPEN


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("hello", line(Line.GREETING, "en")),
        ("Cảm ơn shop", line(Line.THANKS, "vi")),
        ("до свидания", line(Line.GOODBYE, "ru")),
    ],
)
def test_politeness_hands_nothing_off(
    knowing: Organization, conversation: Conversation, text: str, reply: str
) -> None:
    question = ask(conversation, text)
    run(question)
    assert replies(question) == [reply]
    assert changes(question) == []
    assert turn(question).outcome == Outcome.SMALL_TALK


def test_every_quick_question_gets_its_own_answer(
    knowing: Organization, conversation: Conversation
) -> None:
    first = ask(conversation, SHIPPING, "a")
    second = ask(conversation, "What are your opening hours?", "b")
    run(second)
    run(first)
    run(second)
    assert [(m.client_message_id, m.content["text"]) for m in log(second)] == [
        (f"bot-reply-to-{second.seq}", TEXTS["opening-hours"]["en"][1]),
        (f"bot-reply-to-{first.seq}", TEXTS["delivery"]["en"][1]),
    ]


def test_after_a_take_over_the_bot_keeps_silent(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    question = ask(conversation, SHIPPING)
    take_over(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
    run(question)
    assert replies(question) == []
    assert turn(question).outcome == Outcome.SUPERSEDED
    assert is_struck_off(question)


def test_take_over_while_the_bot_thinks_wins(
    knowing: Organization,
    conversation: Conversation,
    agent: Membership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    think = bot.knowledge.answer

    def taken_meanwhile(**asked: Any) -> Answer:
        take_over(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
        return think(**asked)

    monkeypatch.setattr(bot.knowledge, "answer", taken_meanwhile)
    question = ask(conversation, SHIPPING)
    run(question)
    assert replies(question) == []
    assert turn(question).outcome == Outcome.SUPERSEDED
    assert is_struck_off(question)


def test_closed_conversation_is_left_alone(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    question = ask(conversation, SHIPPING)
    close(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
    run(question)
    assert replies(question) == []
    assert is_struck_off(question)


def test_conversation_handed_back_is_answered_again(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    run(ask(conversation, "human please", "a"))
    hand_back(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
    question = ask(conversation, SHIPPING, "b")
    run(question)
    assert replies(question) == [TEXTS["delivery"]["en"][1]]


def test_another_organization_starts_nothing(
    knowing: Organization, stranger_organization: Organization, conversation: Conversation
) -> None:
    question = ask(conversation, SHIPPING)
    bot.answer(
        organization_id=stranger_organization.pk,
        conversation_id=conversation.pk,
        seq=question.seq,
    )
    assert log(question) == []
    assert not is_struck_off(question)


# --- Killed at every step ------------------------------------------------------------------------


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
    ("text", "outcome", "handed_off"),
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
    handed_off: int,
) -> None:
    question = ask(conversation, text)
    killed_at(step, question, monkeypatch)
    run(question)
    assert (len(replies(question)), len(changes(question))) == (1, handed_off)
    assert turn(question).outcome == outcome
    assert is_struck_off(question)


def test_killed_between_reply_and_hand_off(
    knowing: Organization, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(conversation, "Who won the football match?")
    killed_at("hand_off", question, monkeypatch)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_seq) == (Status.PENDING, question.seq)
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
    killed_at("hand_off", question, monkeypatch)
    from_faq = contents()[0]
    import_faqs(
        organization_id=knowing.pk,
        contents=[type(from_faq)("Do you sell decaf coffee?", "Yes.", "en", key="decaf")],
        by=None,
    )
    index_now(organization_id=knowing.pk)
    run(question)
    assert replies(question) == [line(Line.UNKNOWN, "en")]
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
    assert replies(known) == [TEXTS["delivery"]["en"][1], line(Line.UNKNOWN, "en")]
    assert len(changes(known)) == 1
    assert is_struck_off(known)
    assert is_struck_off(unknown)


# --- Failure -------------------------------------------------------------------------------------


def test_search_that_fails_hands_off_after_the_retries(
    knowing: Organization, conversation: Conversation, settings: Settings
) -> None:
    question = ask(conversation, SHIPPING)
    right = settings.QDRANT_URL
    settings.QDRANT_URL = "http://127.0.0.1:1"
    stores.qdrant.cache_clear()
    try:
        with pytest.raises(StoreUnavailable):
            run(question)
        assert log(question) == []
        assert not is_struck_off(question)
        answer_with_bot.apply(args=(str(knowing.pk), str(conversation.pk), question.seq))
    finally:
        settings.QDRANT_URL = right
        stores.qdrant.cache_clear()
    assert replies(question) == [line(Line.FAILED, "en")]
    assert [change["reason"] for change in changes(question)] == ["failed"]
    assert turn(question).outcome == Outcome.FAILED
    assert is_struck_off(question)


def test_question_that_nobody_gets_through_with_is_handed_off(
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


def test_bot_shows_that_it_works(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, SHIPPING)
    group = conversation_group(conversation.pk)
    with stores.redis().pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(f"{django_settings.CHANNEL_PREFIX}__group__{group}")
        listening.get_message(timeout=1)
        run(question)
        raw = listening.get_message(timeout=2)
    assert raw is not None
    hint = registry.get_serializer("msgpack").deserialize(raw["data"])
    assert hint == {
        "type": "stream.typing",
        "stream": question.stream,
        "sender": {"type": "bot", "id": "bot", "name": "Assistant"},
        "is_typing": True,
    }


def test_other_customers_question_is_not_mixed_up(
    knowing: Organization, customer: Customer, conversation: Conversation
) -> None:
    question = ask(conversation, SHIPPING)
    run(question)
    first = Message.objects.numbered(knowing.pk, conversation.pk, 1)
    assert first is not None
    assert first.pending == ("answer",)
