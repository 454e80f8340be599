"""What the bot makes of a conversation that people give back to it."""

from typing import Any
from uuid import uuid4

import pytest

from chat import bot
from chat.bot_texts import Line, line
from chat.events import Audience, event_frame
from chat.interactions import BotInteraction, Outcome
from chat.models import Conversation, EventKind, Message, Status
from chat.services import identity, post_message, return_to_bot, take_over
from chat.services.conversations import agent_sender, customer_sender
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge.services import FaqContent, import_faqs, index_now
from tests.chat.bot_turns import (
    SHIPPING,
    ask,
    changes,
    is_struck_off,
    replies,
    run,
    turn,
)
from tests.knowledge.conftest import TEXTS

ANSWER = TEXTS["delivery"]["en"][1]
HOURS = "What are your opening hours?"
UNKNOWN = "Who won the football match last night?"


@pytest.fixture
def conversation(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> Conversation:
    """A conversation of the bot in which nothing is open."""
    answer_as_person(conversation, agent)
    give_back(conversation, agent)
    return conversation


@pytest.fixture
def taken(conversation: Conversation, agent: Membership) -> Conversation:
    take_over(organization_id=agent.organization_id, conversation_id=conversation.pk, by=agent)
    return conversation


def answer_as_person(conversation: Conversation, agent: Membership) -> None:
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=agent_sender(agent.user),
        content={"type": "text", "text": "I will see to it."},
        client_message_id=uuid4().hex,
        by=agent,
    )


def does_not_know(question: str) -> str:
    """Return what the bot says of a question, where nobody of the team is online."""
    told = line(Line.UNKNOWN_QUESTION, "en", question=question)
    return f"{told} {line(Line.TEAM_AWAY, 'en')}"


def say(conversation: Conversation, text: str) -> Message:
    """Post a customer's message in a conversation that a person has."""
    message = post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=customer_sender(conversation.customer),
        content={"type": "text", "text": text},
        client_message_id=uuid4().hex,
    )
    assert message.pending == ()
    return message


def give_back(conversation: Conversation, by: Membership) -> Message:
    """Return the conversation to the bot. Return the change, as it is stored."""
    return_to_bot(
        organization_id=conversation.organization_id, conversation_id=conversation.pk, by=by
    )
    conversation.refresh_from_db()
    stored = Message.objects.numbered(
        conversation.organization_id, conversation.pk, conversation.last_seq
    )
    assert stored is not None
    assert stored.kind == EventKind.CHANGED
    return stored


def test_what_nobody_answered_is_answered_once(taken: Conversation, agent: Membership) -> None:
    question = say(taken, SHIPPING)
    returned = give_back(taken, agent)
    assert returned.pending == ("answer",)
    shown: dict[str, Any] = dict(event_frame(returned, Audience.CUSTOMER)["data"])
    assert shown["change"]["open_question"] is True
    run(returned)
    run(returned)
    assert replies(returned) == [ANSWER]
    assert turn(question).outcome == Outcome.ANSWERED
    assert is_struck_off(returned)
    taken.refresh_from_db()
    assert (taken.status, taken.waiting_since) == (Status.BOT, None)


def test_turn_that_a_crash_cut_short_says_nothing_twice(
    taken: Conversation, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(taken, SHIPPING)
    returned = give_back(taken, agent)
    with monkeypatch.context() as patched:
        patched.setattr(bot, "finish_effect", lambda **_named: None)
        run(returned)
    run(returned)
    assert replies(returned) == [ANSWER]


def test_every_open_question_is_looked_at_and_what_is_unknown_goes_to_people(
    taken: Conversation, agent: Membership
) -> None:
    unknown = say(taken, UNKNOWN)
    say(taken, SHIPPING)
    returned = give_back(taken, agent)
    run(returned)
    assert replies(returned) == [ANSWER, does_not_know(UNKNOWN)]
    assert [change["name"] for change in changes(returned)] == ["escalated"]
    assert turn(unknown).outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("way", ["answered by a person", "answered by the bot"])
def test_no_answer_is_repeated(
    knowing: Organization, conversation: Conversation, agent: Membership, way: str
) -> None:
    question = ask(conversation, SHIPPING)
    if way == "answered by the bot":
        run(question)
    take_over(organization_id=knowing.pk, conversation_id=conversation.pk, by=agent)
    if way == "answered by a person":
        answer_as_person(conversation, agent)
    returned = give_back(conversation, agent)
    assert returned.pending == ()
    assert "open_question" not in returned.content["change"]
    assert replies(returned) == []


def test_only_what_is_still_open_is_answered(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    """The bot answered a later question, while people were to answer an earlier one."""
    unknown = ask(conversation, UNKNOWN, "unknown")
    run(unknown)
    known = ask(conversation, SHIPPING, "known")
    run(known)
    returned = give_back(conversation, agent)
    run(returned)
    assert replies(returned) == [does_not_know(UNKNOWN)]
    conversation.refresh_from_db()
    assert conversation.awaits_person


def test_what_was_unknown_is_answered_once_somebody_wrote_it_down(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    question = ask(conversation, "Do you sell gift cards?")
    run(question)
    assert turn(question).outcome == Outcome.UNKNOWN
    faq = FaqContent(
        question="Do you sell gift cards?", answer="Yes, from 500 RUB.", language_code="en"
    )
    import_faqs(by=SystemPrincipal(knowing.pk), contents=[faq])
    index_now(organization_id=knowing.pk)
    returned = give_back(conversation, agent)
    run(returned)
    assert replies(returned) == ["Yes, from 500 RUB."]
    # It is no unanswered question any more.
    assert turn(question).outcome == Outcome.ANSWERED
    assert BotInteraction.objects.unanswered(knowing.pk) == []


def test_whoever_asked_for_a_person_hears_who_is_there_now(
    taken: Conversation, agent: Membership
) -> None:
    say(taken, "human please")
    returned = give_back(taken, agent)
    run(returned)
    assert replies(returned) == [line(Line.RETURNED, "en")]
    taken.refresh_from_db()
    assert taken.is_bot_owned


def test_person_who_comes_back_first_is_not_talked_over(
    taken: Conversation, agent: Membership
) -> None:
    say(taken, SHIPPING)
    returned = give_back(taken, agent)
    take_over(organization_id=taken.organization_id, conversation_id=taken.pk, by=agent)
    run(returned)
    assert replies(returned) == []
    assert is_struck_off(returned)


def test_change_by_the_customer_is_no_question(
    knowing: Organization, conversation: Conversation
) -> None:
    """Whoever proves who they are has said nothing: nobody is called, nothing is unread."""
    customer = conversation.customer
    before = conversation.inbound_total
    identity._move_conversations(customer, customer)
    conversation.refresh_from_db()
    (proved,) = log_of(conversation)[-1:]
    assert proved.content["change"]["name"] == "identified"
    assert proved.pending == ()
    assert conversation.inbound_total == before


def log_of(conversation: Conversation) -> list[Message]:
    return Message.objects.after(conversation.organization_id, conversation.pk, 0)
