"""What the bot answers, to whom and in which language, and when it keeps silent."""

from typing import Any

import pytest
from channels_redis.serializers import registry
from django.conf import settings

from chat import bot
from chat.bot_texts import Line, line
from chat.events import conversation_group
from chat.interactions import Outcome
from chat.models import Conversation, Message, SenderType, Status, Widget
from chat.services import close, return_to_bot, take_over
from crm.core import channel_signing, stores
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from knowledge.services import Answer
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
from tests.knowledge.conftest import TEXTS
from tests.patience import PATIENCE


def test_known_question_is_answered_with_its_source(
    knowing: Organization, conversation: Conversation
) -> None:
    question = ask(conversation, SHIPPING)
    run(question)
    (reply,) = log(question)
    assert reply.client_message_id == f"bot-reply-to-{question.seq}"
    assert (reply.sender.type, reply.sender.id) == (SenderType.BOT, "bot")
    assert reply.sender.name == "Bot"
    assert reply.content["text"] == TEXTS["delivery"]["en"][1]
    (source,) = reply.content["sources"]
    assert source["title"] == "How much is shipping to Russia?"
    assert source["url"].startswith("/help/")
    assert reply.content["confidence"] > 0.5
    assert is_struck_off(question)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_seq) == (Status.BOT, reply.seq)


def test_reply_is_stored_under_the_name_that_the_widget_gives_the_bot(
    knowing: Organization, conversation: Conversation, widget: Widget
) -> None:
    widget.texts = {"en": {"bot_name": "Beanie"}}
    widget.save(update_fields=["texts"])
    question = ask(conversation, SHIPPING)
    run(question)
    (reply,) = log(question)
    assert reply.sender.name == "Beanie"


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
def test_who_asks_for_a_person_is_escalated(
    knowing: Organization, conversation: Conversation, text: str, language: str
) -> None:
    question = ask(conversation, text)
    run(question)
    assert replies(question) == [farewell(Line.ASKED, language)]
    (change,) = changes(question)
    assert (change["name"], change["reason"], change["status"]) == ("escalated", "asked", "open")
    assert turn(question).outcome == Outcome.ASKED_FOR_PERSON
    assert is_struck_off(question)


def test_unknown_question_is_escalated(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, "Who won the football match last night?")
    run(question)
    assert replies(question) == [farewell(Line.UNKNOWN)]
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
    return_to_bot(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
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


def test_bot_shows_that_it_works(knowing: Organization, conversation: Conversation) -> None:
    question = ask(conversation, SHIPPING)
    group = conversation_group(conversation.pk)
    with stores.redis().pubsub() as listening:
        channel = f"{settings.CHANNEL_PREFIX}__group__{group}"
        listening.subscribe(channel)
        confirmed = listening.get_message(timeout=PATIENCE)
        assert confirmed is not None
        assert confirmed["type"] == "subscribe"
        run(question)
        raw = listening.get_message(timeout=PATIENCE)
    assert raw is not None
    message = channel_signing.unseal(channel, raw["data"])
    assert message is not None
    hint = registry.get_serializer("msgpack").deserialize(message)
    assert hint == {
        "type": "stream.typing",
        "stream": question.stream,
        "sender": {"type": "bot", "id": "bot", "name": "Bot"},
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
