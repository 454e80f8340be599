"""The demo's conversations, created through chat's services."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from chat.bot import Reply, bot_sender, reply_id
from chat.bot_texts import Line, line
from chat.content import clean_content
from chat.interactions import Outcome
from chat.models import Conversation, EventKind, Message, Sender, SenderType, Status, Widget
from chat.services import (
    close,
    escalate,
    finish_effect,
    mark_seen_by_agent,
    mark_seen_by_customer,
    open_conversation,
    post_message,
    snooze,
    take_over,
)
from chat.services.conversations import customer_sender, sender_of
from chat.services.message_log import ANSWER
from crm.customers.models import Customer, Stage
from crm.organizations.models import Membership, User
from knowledge.models import Faq
from knowledge.services import answer

SNOOZE = timedelta(hours=20)

Turn = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """One demo conversation as read from its file, and what is needed to create it.

    ``answers`` holds each FAQ's answer by key; a turn's ``ago`` is in minutes before ``now``.
    """

    data: dict[str, Any]
    widget: Widget
    people: dict[str, User]
    answers: dict[str, str]
    now: datetime

    def member(self, key: str) -> Membership:
        return Membership.objects.select_related("user", "custom_role").get(
            organization_id=self.widget.organization_id, user=self.people[key]
        )

    def turn_id(self, number: int) -> str:
        return f"demo-{self.data['key']}-{number}"

    def time_of(self, number: int) -> datetime:
        # Turns of the same minute keep their order to the eye as well.
        ago = timedelta(minutes=self.data["turns"][number]["ago"])
        return self.now - ago + timedelta(seconds=2 * number)


def play(script: Script) -> bool:
    """Create what is missing of a conversation. Return whether anything was.

    The turns from one visitor message to the next are one transaction: a killed run continues at
    the first missing one. A bot that answers meanwhile posts the same text under the same id.
    Messages that people added stay, and so do differences of an earlier version of the demo.
    """
    conversation = Conversation.objects.filter(
        organization_id=script.widget.organization_id, opened_by=script.turn_id(0)
    ).first()
    # In a transaction of its own, as short as can be: what is rolled back leaves a log behind.
    conversation = conversation or _open(script)
    played = False
    for numbers in _stretches(script.data["turns"]):
        if _is_played(script, conversation, numbers):
            continue
        if not _can_go_on(script, conversation):
            break
        with transaction.atomic():
            _play_stretch(script, conversation, numbers)
            if numbers[-1] == len(script.data["turns"]) - 1:
                _finish(script, conversation)
        played = True
    return played


def _stretches(turns: list[Turn]) -> list[list[int]]:
    stretches: list[list[int]] = []
    for number, turn in enumerate(turns):
        if turn["from"] == "visitor":
            stretches.append([])
        stretches[-1].append(number)
    return stretches


def _is_played(script: Script, conversation: Conversation, numbers: list[int]) -> bool:
    """Return whether the last of these turns is in the log and in the conversation row."""
    conversation.refresh_from_db()
    first, last = numbers[0], numbers[-1]
    stored = _posted_as(conversation, script.turn_id(first))
    if stored and last != first:
        is_bot = script.data["turns"][last]["from"] == "bot"
        stored = _posted_as(conversation, reply_id(stored.seq) if is_bot else script.turn_id(last))
    return stored is not None and stored.seq <= conversation.last_seq


def _can_go_on(script: Script, conversation: Conversation) -> bool:
    """Return whether the log is a prefix of this script and the conversation is not closed."""
    if conversation.status == Status.CLOSED:
        return False
    posted = [
        message
        for message in Message.objects.after(conversation.organization_id, conversation.pk, 0)
        if message.kind == EventKind.POSTED
    ]
    seqs = {message.client_message_id: message.seq for message in posted}
    turns = script.data["turns"]
    wanted = [
        reply_id(seqs.get(script.turn_id(numbers[0]), 0))
        if turns[number]["from"] == "bot"
        else script.turn_id(number)
        for numbers in _stretches(turns)
        for number in numbers
    ]
    # What a bot said by itself in a run that was cut off is nobody's turn.
    stored = [
        message.client_message_id
        for message in posted
        if message.sender.type != SenderType.BOT or message.client_message_id in wanted
    ]
    return stored == wanted[: len(stored)]


def _posted_as(conversation: Conversation, client_message_id: str) -> Message | None:
    return Message.objects.posted_as(
        conversation.organization_id, conversation.pk, client_message_id
    )


def _play_stretch(script: Script, conversation: Conversation, numbers: list[int]) -> None:
    first, *others = numbers
    language = script.data["language_code"]
    question = _say(
        script, conversation, first, customer_sender(conversation.customer), script.turn_id(first)
    )
    for number in others:
        turn = script.data["turns"][number]
        if turn["from"] == "bot":
            _say(
                script,
                conversation,
                number,
                bot_sender(conversation, language),
                reply_id(question.seq),
            )
            if reason := turn.get("escalate"):
                escalate(**_named(conversation), reason=reason, timestamp=script.time_of(number))
        else:
            by = script.member(turn["by"])
            take_over(**_named(conversation), by=by, timestamp=script.time_of(number))
            _say(script, conversation, number, sender_of(by), script.turn_id(number))
    finish_effect(message=question, effect=ANSWER)


@transaction.atomic
def _open(script: Script) -> Conversation:
    visitor = script.data["visitor"]
    customer = Customer.objects.create(
        organization_id=script.widget.organization_id,
        name=visitor["name"],
        email=visitor["email"],
        language_code=script.data["language_code"],
        phone=visitor.get("phone", ""),
        stage=Stage.CUSTOMER if visitor["name"] else Stage.VISITOR,
    )
    message = open_conversation(
        organization_id=script.widget.organization_id,
        customer_id=customer.pk,
        widget=script.widget,
        language_code=script.data["language_code"],
        content=_content(script, script.data["turns"][0]),
        client_message_id=script.turn_id(0),
        timestamp=script.time_of(0),
    )
    # Both rows say by themselves that they are of today.
    Customer.objects.filter(pk=customer.pk).update(created_at=script.time_of(0))
    Conversation.objects.filter(pk=message.conversation_id).update(created_at=script.time_of(0))
    return Conversation.objects.get(pk=message.conversation_id)


def _say(
    script: Script,
    conversation: Conversation,
    number: int,
    sender: Sender,
    client_message_id: str,
) -> Message:
    return post_message(
        **_named(conversation),
        sender=sender,
        content=_content(script, script.data["turns"][number]),
        client_message_id=client_message_id,
        timestamp=script.time_of(number),
    )


def _content(script: Script, turn: Turn) -> dict[str, Any]:
    language = script.data["language_code"]
    if "escalate" in turn:
        text = f"{line(Line.ASKED, language)} {line(Line.SOMEBODY_COMES, language)}"
        return Reply(Outcome.ASKED_FOR_PERSON, text, language).content()
    if "faq" in turn:
        return _answer(script, turn["faq"], language).content()
    return clean_content({"type": "note" if turn.get("note") else "text", "text": turn["text"]})


def _answer(script: Script, key: str, language: str) -> Reply:
    """Return the bot's reply to this FAQ's own question."""
    organization_id = script.widget.organization_id
    faq = (
        Faq.objects.of(organization_id).published().filter(key=key, language_code=language).first()
    )
    if faq is None:
        return Reply(Outcome.ANSWERED, script.answers[key], language)
    found = answer(organization_id=organization_id, question=faq.question, language=language)
    return Reply(
        Outcome.ANSWERED,
        faq.answer,
        language,
        sources=({"title": faq.question, "url": faq.get_absolute_url()},),
        confidence=found.confidence,
    )


def _finish(script: Script, conversation: Conversation) -> None:
    """Set the conversation's status and fields as the file states."""
    turns = script.data["turns"]
    last = len(turns) - 1
    by = next((script.member(turn["by"]) for turn in reversed(turns) if "by" in turn), None)
    if by and script.data["status"] == Status.CLOSED:
        close(**_named(conversation), by=by, timestamp=script.time_of(last))
    elif by and script.data["status"] == Status.SNOOZED:
        snooze(
            **_named(conversation),
            until=script.now + SNOOZE,
            by=by,
            timestamp=script.time_of(last),
        )
    conversation.refresh_from_db()
    seen = conversation.last_seq
    if turns[last]["from"] == "visitor":
        # Whoever waits for an answer stands out as unread.
        seen -= 1
    mark_seen_by_customer(**_named(conversation), seq=seen)
    for membership in Membership.objects.filter(
        organization_id=conversation.organization_id
    ).select_related("user"):
        mark_seen_by_agent(**_named(conversation), user=membership.user, seq=seen)


def _named(conversation: Conversation) -> dict[str, Any]:
    return {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }


def play_all(scripts: list[Script], *, say: Callable[[str], None]) -> int:
    """Create the conversations from the oldest to the newest. Return how many were incomplete."""
    scripts = sorted(scripts, key=lambda script: -script.data["turns"][0]["ago"])
    played = sum(play(script) for script in scripts)
    say(f"{played} of {len(scripts)} conversations played, the others were there.")
    return played
