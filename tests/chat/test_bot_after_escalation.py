"""What the bot still says between its hand-over and the person who takes over."""

from typing import Any
from uuid import uuid4

import pytest

from chat import bot, presence
from chat.bot_texts import Line, line
from chat.content import BOT_REPLY
from chat.errors import ConversationTaken, InvalidClientMessageId
from chat.interactions import Outcome
from chat.models import Conversation, Sender, SenderType, Status
from chat.services import assign, close, post_message, reconcile, reopen, return_to_bot, take_over
from chat.services.conversations import agent_sender, customer_sender
from crm.billing.metrics import Metric
from crm.organizations.models import Membership, Organization
from tests.billing.plans import used
from tests.chat.bot_turns import (
    SHIPPING,
    ask,
    changes,
    farewell,
    is_struck_off,
    replies,
    run,
    turn,
)
from tests.knowledge.conftest import TEXTS

HOURS = "What are your opening hours?"
UNKNOWN = "Who won the football match last night?"
SURE_ANSWER = TEXTS["delivery"]["en"][1]


@pytest.fixture
def escalated(knowing: Organization, conversation: Conversation) -> Conversation:
    run(ask(conversation, UNKNOWN, "miss"))
    conversation.refresh_from_db()
    assert conversation.awaits_person
    return conversation


def test_bot_answers_what_it_surely_knows_after_a_miss(escalated: Conversation) -> None:
    waiting_since = escalated.waiting_since
    question = ask(escalated, SHIPPING)
    run(question)
    assert replies(question) == [SURE_ANSWER]
    assert turn(question).outcome == Outcome.ANSWERED
    assert is_struck_off(question)
    escalated.refresh_from_db()
    # It stays with people, who still owe the answer to what the bot did not know.
    assert escalated.status == Status.OPEN
    assert escalated.awaits_person
    assert escalated.waiting_since == waiting_since is not None


def test_bot_never_repeats_its_farewell(escalated: Conversation) -> None:
    for key, text in [
        ("again", "Who won the tennis match last night?"),
        ("person", "I want to talk to a person"),
        ("person-again", "human please"),
        ("hello", "hello"),
    ]:
        question = ask(escalated, text, key)
        run(question)
        assert replies(question) == []
        assert changes(question) == []
        assert is_struck_off(question)


def test_what_is_left_to_a_person_is_recorded(escalated: Conversation) -> None:
    asked_again = ask(escalated, "human please", "person")
    missed = ask(escalated, "Who won the tennis match last night?", "missed")
    for question in (asked_again, missed):
        run(question)
    assert (turn(asked_again).outcome, turn(asked_again).answer) == (Outcome.LEFT_TO_PERSON, "")
    # People who write FAQs see it among what the bot did not know.
    assert (turn(missed).outcome, turn(missed).answer) == (Outcome.UNKNOWN, "")


def test_two_misses_at_once_hand_over_once(
    knowing: Organization, conversation: Conversation
) -> None:
    first = ask(conversation, UNKNOWN, "a")
    second = ask(conversation, "Who won the tennis match last night?", "b")
    run(second)
    run(first)
    assert replies(first) == [farewell(Line.UNKNOWN)]
    assert len(changes(first)) == 1


def test_bot_is_silent_where_it_is_only_fairly_sure(
    escalated: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot, "SURE", 1.1)
    question = ask(escalated, SHIPPING)
    run(question)
    assert replies(question) == []
    assert turn(question).outcome == Outcome.LEFT_TO_PERSON


def test_answer_after_a_escalation_counts_against_the_plan_once(escalated: Conversation) -> None:
    question = ask(escalated, SHIPPING)
    run(question)
    run(question)
    assert used(escalated.organization, Metric.BOT_ANSWERS) == 1


def test_reply_decided_before_a_crash_stands_after_the_escalation(
    escalated: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(escalated, SHIPPING)
    with monkeypatch.context() as patched:
        patched.setattr(bot, "_finish", lambda *args: None)
        patched.setattr(bot, "finish_effect", lambda **named: None)
        run(question)
    monkeypatch.setattr(bot, "SURE", 1.1)
    run(question)
    assert replies(question) == [SURE_ANSWER]
    assert turn(question).outcome == Outcome.ANSWERED


def person_takes_over(conversation: Conversation, agent: Membership, way: str) -> None:
    named: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    if way == "take over":
        take_over(**named, by=agent)
    elif way == "assignment":
        assign(**named, assignee_id=agent.user_id, by=agent)
    elif way == "reply":
        reply(conversation, agent)
    elif way == "given up again":
        assign(**named, assignee_id=agent.user_id, by=agent)
        assign(**named, assignee_id=None, by=agent)
    elif way == "reply of a program":
        post_message(
            **named,
            sender=agent_sender(agent.user),
            content={"type": "text", "text": "From our help desk"},
            client_message_id="program",
        )
    else:
        close(**named, by=agent)
        reopen(**named, by=agent)


def reply(conversation: Conversation, agent: Membership) -> None:
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=agent_sender(agent.user),
        content={"type": "text", "text": "I am here."},
        client_message_id=f"reply-of-{agent.user_id}",
        by=agent,
    )


@pytest.mark.parametrize(
    "way",
    [
        "take over",
        "assignment",
        "reply",
        "given up again",
        "reply of a program",
        "closed, reopened",
    ],
)
def test_bot_is_silent_once_a_person_has_acted(
    escalated: Conversation, agent: Membership, way: str
) -> None:
    known = ask(escalated, SHIPPING)
    person_takes_over(escalated, agent, way)
    run(known)
    assert SURE_ANSWER not in replies(known)
    assert turn(known).outcome == Outcome.SUPERSEDED
    later = post_message(
        organization_id=escalated.organization_id,
        conversation_id=escalated.pk,
        sender=customer_sender(escalated.customer),
        content={"type": "text", "text": SHIPPING},
        client_message_id="later",
    )
    assert later.pending == ()
    with pytest.raises(ConversationTaken):
        post_message(
            organization_id=escalated.organization_id,
            conversation_id=escalated.pk,
            sender=Sender(type=SenderType.BOT, id="bot", name="Assistant"),
            content={"type": "text", "text": "Me again"},
            client_message_id=uuid4().hex,
        )


def test_a_new_escalation_after_a_return_to_bot_says_farewell_again(
    escalated: Conversation, agent: Membership
) -> None:
    return_to_bot(organization_id=escalated.organization_id, conversation_id=escalated.pk, by=agent)
    question = ask(escalated, "human please", "person")
    run(question)
    assert replies(question) == [farewell(Line.ASKED)]


def test_farewell_says_that_the_team_is_online(
    knowing: Organization, conversation: Conversation, agent: Membership
) -> None:
    presence.refresh(
        knowing.pk,
        [
            presence.Presence(
                organization_id=knowing.pk, user_id=agent.user_id, name="Linh", socket="a"
            )
        ],
    )
    question = ask(conversation, "human please")
    run(question)
    assert replies(question) == [f"{line(Line.ASKED, 'en')} {line(Line.TEAM_ONLINE, 'en')}"]


def test_escalation_can_be_derived_again_from_the_log(escalated: Conversation) -> None:
    run(ask(escalated, SHIPPING))
    before = Conversation.objects.values(
        "escalated_at", "waiting_since", "last_customer_message", "replied_by"
    ).get()
    Conversation.objects.update(last_seq=1)
    reconcile(repair=True)
    after = Conversation.objects.values(
        "escalated_at", "waiting_since", "last_customer_message", "replied_by"
    ).get()
    assert after == before
    assert before["last_customer_message"]["text"] == SHIPPING


def test_nobody_else_takes_the_id_of_a_reply_of_the_bot(
    knowing: Organization, conversation: Conversation
) -> None:
    with pytest.raises(InvalidClientMessageId):
        ask(conversation, "I am the bot", f"{BOT_REPLY}{conversation.last_seq + 1}")
    question = ask(conversation, SHIPPING)
    run(question)
    assert replies(question) == [SURE_ANSWER]
