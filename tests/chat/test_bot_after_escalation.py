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
from crm.accounts.models import Membership, Organization
from crm.billing.metrics import Metric
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
def handed_off(knowing: Organization, conversation: Conversation) -> Conversation:
    run(ask(conversation, UNKNOWN, "miss"))
    conversation.refresh_from_db()
    assert conversation.awaits_person
    return conversation


def test_bot_answers_what_it_surely_knows_after_a_miss(handed_off: Conversation) -> None:
    waiting_since = handed_off.waiting_since
    question = ask(handed_off, SHIPPING)
    run(question)
    assert replies(question) == [SURE_ANSWER]
    assert turn(question).outcome == Outcome.ANSWERED
    assert is_struck_off(question)
    handed_off.refresh_from_db()
    # It stays with people, who still owe the answer to what the bot did not know.
    assert handed_off.status == Status.OPEN
    assert handed_off.awaits_person
    assert handed_off.waiting_since == waiting_since is not None


def test_bot_never_repeats_its_farewell(handed_off: Conversation) -> None:
    for key, text in [
        ("again", "Who won the tennis match last night?"),
        ("person", "I want to talk to a person"),
        ("person-again", "human please"),
        ("hello", "hello"),
    ]:
        question = ask(handed_off, text, key)
        run(question)
        assert replies(question) == []
        assert changes(question) == []
        assert is_struck_off(question)


def test_what_is_left_to_a_person_is_recorded(handed_off: Conversation) -> None:
    asked_again = ask(handed_off, "human please", "person")
    missed = ask(handed_off, "Who won the tennis match last night?", "missed")
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
    handed_off: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot, "SURE", 1.1)
    question = ask(handed_off, SHIPPING)
    run(question)
    assert replies(question) == []
    assert turn(question).outcome == Outcome.LEFT_TO_PERSON


def test_answer_after_a_hand_off_counts_against_the_plan_once(handed_off: Conversation) -> None:
    question = ask(handed_off, SHIPPING)
    run(question)
    run(question)
    assert used(handed_off.organization, Metric.BOT_ANSWERS) == 1


def test_reply_decided_before_a_crash_stands_after_the_hand_off(
    handed_off: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = ask(handed_off, SHIPPING)
    with monkeypatch.context() as patched:
        patched.setattr(bot, "_finish", lambda *args: None)
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
    handed_off: Conversation, agent: Membership, way: str
) -> None:
    known = ask(handed_off, SHIPPING)
    person_takes_over(handed_off, agent, way)
    run(known)
    assert SURE_ANSWER not in replies(known)
    assert turn(known).outcome == Outcome.SUPERSEDED
    later = post_message(
        organization_id=handed_off.organization_id,
        conversation_id=handed_off.pk,
        sender=customer_sender(handed_off.customer),
        content={"type": "text", "text": SHIPPING},
        client_message_id="later",
    )
    assert later.pending == ()
    with pytest.raises(ConversationTaken):
        post_message(
            organization_id=handed_off.organization_id,
            conversation_id=handed_off.pk,
            sender=Sender(type=SenderType.BOT, id="bot", name="Assistant"),
            content={"type": "text", "text": "Me again"},
            client_message_id=uuid4().hex,
        )


def test_a_new_hand_off_after_a_hand_back_says_farewell_again(
    handed_off: Conversation, agent: Membership
) -> None:
    return_to_bot(
        organization_id=handed_off.organization_id, conversation_id=handed_off.pk, by=agent
    )
    question = ask(handed_off, "human please", "person")
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


def test_hand_off_can_be_derived_again_from_the_log(handed_off: Conversation) -> None:
    run(ask(handed_off, SHIPPING))
    before = Conversation.objects.values(
        "handed_off_at", "waiting_since", "last_customer_message", "replied_by"
    ).get()
    Conversation.objects.update(last_seq=1)
    reconcile(repair=True)
    after = Conversation.objects.values(
        "handed_off_at", "waiting_since", "last_customer_message", "replied_by"
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
