"""The bot: answers known questions and escalates the others."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from chat.bot_texts import Line, line
from chat.content import BOT_REPLY
from chat.errors import ConversationClosed, ConversationNotFound, ConversationTaken
from chat.escalation_notice import who_comes
from chat.events import announce_typing
from chat.intents import Intent, recognise
from chat.interactions import BotInteraction, Outcome
from chat.models import ContentType, Conversation, EventKind, Message, Sender, SenderType
from chat.services import escalate, finish_effect, post_message
from chat.services.editing import is_deleted
from chat.services.message_log import ANSWER, lock_conversation
from chat.services.open_questions import open_questions
from chat.visitor_addresses import counted_as
from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.core import ratelimit
from crm.core.quotas import QuotaExceeded
from knowledge import services as knowledge
from knowledge.embedding import MODEL
from knowledge.languages import detect_language

logger = logging.getLogger(__name__)

# A question on which work began this often and never ended is given to people: whatever stops it,
# a customer must not wait for ever.
MAX_ATTEMPTS = 8
# Where a person is awaited, the bot speaks only if it is this sure; it is usually enough to be
# above knowledge.ranking.THRESHOLD.
SURE = 0.7
BOT_ID = "bot"
QUOTED_LENGTH = 80
_HANDS_OFF = {
    Outcome.ASKED_FOR_PERSON: "asked",
    Outcome.UNKNOWN: "unknown",
    Outcome.FAILED: "failed",
    Outcome.OVER_QUOTA: "quota",
    Outcome.TOO_MANY: "too_many",
}
_POLITE = {
    Intent.GREETING: Line.GREETING,
    Intent.THANKS: Line.THANKS,
    Intent.GOODBYE: Line.GOODBYE,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The bot's decision: outcome, text and sources."""

    outcome: Outcome
    text: str
    language: str
    sources: tuple[dict[str, str], ...] = ()
    confidence: float = 0.0
    cached: bool = False

    def content(self) -> dict[str, Any]:
        # In the log, so that whoever finishes after a crash does what was decided.
        content: dict[str, Any] = {
            "type": ContentType.TEXT.value,
            "text": self.text,
            "outcome": self.outcome.value,
            "language": self.language,
        }
        if self.outcome == Outcome.ANSWERED:
            content |= {"sources": list(self.sources), "confidence": self.confidence}
        return content

    @classmethod
    def said(cls, message: Message) -> "Reply":
        """Return the decision recorded in the stored reply."""
        content = message.content
        return cls(
            outcome=Outcome(content.get("outcome", Outcome.ANSWERED)),
            # A reply that was deleted since has no text any more.
            text=content.get("text", ""),
            language=content.get("language", ""),
            sources=tuple(dict(source) for source in content.get("sources", ())),
            confidence=content.get("confidence", 0.0),
        )


@dataclass(frozen=True, slots=True)
class _Turn:
    """The bot's work on one question, under the id of its reply."""

    question: Message
    reply_id: str
    attempts: int
    began: float
    is_after_return: bool

    @classmethod
    def begin(cls, question: Message, returned: Message | None = None) -> "_Turn":
        """Record that work begins; ``returned`` is the return to the bot that caused it."""
        began = time.monotonic()
        name = reply_id(question.seq)
        if returned is not None:
            said = _posted(question, name)
            if said is not None and said.seq < returned.seq:
                name = f"{name}-{returned.seq}"
        attempts = BotInteraction.objects.begin(
            question.tenant_id, question.conversation_id, question.seq, question=_text(question)
        )
        return cls(question, name, attempts, began, returned is not None)

    def said(self) -> Message | None:
        return _posted(self.question, self.reply_id)


_Decision = Callable[[_Turn, Conversation], Reply]


def answer(*, organization_id: UUID, conversation_id: UUID, seq: int) -> None:
    """Answer one customer question, once, unless an agent has taken the conversation.

    ``seq`` may also be that of a return to the bot: then answer what was left open before it. In an
    escalated conversation that is still unassigned, the bot answers only where it is sure.

    Safe to run concurrently and to be killed at any point: the reply has a fixed id, the escalation
    is in the same transaction, and the question is removed from the pending ones only after both.
    Raise StoreUnavailable (retry).
    """
    _work_on(organization_id, conversation_id, seq, _decide)


def give_up(*, organization_id: UUID, conversation_id: UUID, seq: int) -> None:
    """Escalate a question that the bot could not answer after its retries."""
    _work_on(organization_id, conversation_id, seq, _failed)


def _work_on(organization_id: UUID, conversation_id: UUID, seq: int, decide: _Decision) -> None:
    event = Message.objects.numbered(organization_id, conversation_id, seq)
    if event is None or ANSWER not in event.pending:
        return
    conversation = (
        Conversation.objects.select_related("organization", "widget__organization")
        .filter(organization_id=organization_id, pk=conversation_id)
        .first()
    )
    if conversation is not None:
        if event.kind == EventKind.POSTED:
            turn = _Turn.begin(event)
            _finish(turn, _say(turn, _reply(turn, conversation, decide)))
        else:
            _look_again(event, conversation, decide)
    finish_effect(message=event, effect=ANSWER)


def _look_again(returned: Message, conversation: Conversation, decide: _Decision) -> None:
    """Answer what was open when the conversation was returned to the bot.

    What the bot knows comes first: one line behind it says who answers the rest.
    """
    found = open_questions(conversation.organization_id, conversation.pk, before=returned.seq)
    asked = [one for one in found if recognise(_text(one)) == Intent.QUESTION]
    turns = [_Turn.begin(one, returned) for one in asked or found[-1:]]
    replies = [(turn, _reply(turn, conversation, decide)) for turn in turns]
    for turn, reply in sorted(
        replies, key=lambda each: each[1] is not None and each[1].outcome in _HANDS_OFF
    ):
        _finish(turn, _say(turn, reply))


def _reply(turn: _Turn, conversation: Conversation, decide: _Decision) -> Reply | None:
    """Return what was or is to be said; None where a person has the conversation."""
    if said := turn.said():
        return Reply.said(said)
    if not conversation.is_open_to_bot:
        return None
    if turn.attempts > MAX_ATTEMPTS:
        logger.error("A question was given to people: the bot did not get through with it.")
        return _failed(turn, conversation)
    return decide(turn, conversation)


def _decide(turn: _Turn, conversation: Conversation) -> Reply:
    question = turn.question
    text = _text(question)
    language = _language(question, conversation)
    intent = recognise(text)
    if intent == Intent.PERSON and turn.is_after_return:
        return Reply(Outcome.SMALL_TALK, line(Line.RETURNED, language), language)
    if intent == Intent.PERSON:
        return _farewell(Outcome.ASKED_FOR_PERSON, Line.ASKED, language, conversation)
    if intent != Intent.QUESTION:
        return Reply(Outcome.SMALL_TALK, line(_POLITE[intent], language), language)
    if not _may_look(question):
        return _farewell(Outcome.TOO_MANY, Line.OVER_QUOTA, language, conversation)
    if conversation.is_bot_owned:
        _send_typing(question, bot_sender(conversation, language))
    found = knowledge.answer(organization_id=question.tenant_id, question=text, language=language)
    if not found.is_known:
        # Of several open questions at once it is said which one is meant.
        name = Line.UNKNOWN_QUESTION if turn.is_after_return else Line.UNKNOWN
        reply = _farewell(Outcome.UNKNOWN, name, language, conversation, question=_quoted(text))
        return replace(reply, confidence=found.confidence, cached=found.cached)
    return Reply(
        Outcome.ANSWERED,
        found.text,
        found.language,
        sources=tuple({"title": source.title, "url": source.url} for source in found.sources),
        confidence=found.confidence,
        cached=found.cached,
    )


def _may_look(question: Message) -> bool:
    """Count a question before the work on it, which takes time from everybody's questions."""
    try:
        ratelimit.enforce("bot_question", _subjects(question))
    except ratelimit.RateLimitExceeded:
        return False
    return True


def _subjects(question: Message) -> dict[str, Any]:
    """Return by what the bot's work on a question is counted."""
    address = counted_as(organization_id=question.tenant_id, customer_id=UUID(question.sender.id))
    return {"address": address, "conversation": question.conversation_id}


def _failed(turn: _Turn, conversation: Conversation) -> Reply:
    language = _language(turn.question, conversation)
    return _farewell(Outcome.FAILED, Line.FAILED, language, conversation)


def _farewell(
    outcome: Outcome, name: Line, language: str, conversation: Conversation, **values: str
) -> Reply:
    """Return the bot's reply for an escalation: its reason, then who will answer and when."""
    coming = who_comes(conversation.organization_id)
    return Reply(outcome, f"{line(name, language, **values)} {line(coming, language)}", language)


def _say(turn: _Turn, reply: Reply | None) -> Reply | None:
    """Post the reply, escalate where it requires that, and return what was posted.

    Return None if an agent took over or the question was deleted in the meantime. Nothing is posted
    while an agent is awaited and the bot is not sure.
    """
    if reply is None:
        return None
    question = turn.question
    try:
        with transaction.atomic():
            conversation = lock_conversation(
                organization_id=question.tenant_id, conversation_id=question.conversation_id
            )
            if is_deleted(question):
                return None
            if conversation.awaits_person and turn.said() is None:
                if not _is_sure(reply):
                    return _silent(reply)
                reply = _charged(question, reply, conversation)
                if reply.outcome in {Outcome.OVER_QUOTA, Outcome.TOO_MANY}:
                    return _silent(reply)
            elif reply.outcome == Outcome.ANSWERED and conversation.is_bot_owned:
                reply = _charged(question, reply, conversation)
            message = post_message(
                organization_id=question.tenant_id,
                conversation_id=question.conversation_id,
                sender=bot_sender(conversation, reply.language),
                content=reply.content(),
                client_message_id=turn.reply_id,
            )
            # Another run may have said something else first; that is what customers read.
            stored = Reply.said(message)
            if reason := _HANDS_OFF.get(stored.outcome):
                escalate(
                    organization_id=question.tenant_id,
                    conversation_id=question.conversation_id,
                    reason=reason,
                )
    except (ConversationTaken, ConversationClosed, ConversationNotFound):
        return None
    return reply if stored.text == reply.text else stored


def _is_sure(reply: Reply) -> bool:
    return reply.outcome == Outcome.ANSWERED and reply.confidence >= SURE


def _silent(reply: Reply) -> Reply:
    """Return the turn to record when nothing is posted; an unknown question stays unknown."""
    is_unknown = reply.outcome == Outcome.UNKNOWN
    outcome = Outcome.UNKNOWN if is_unknown else Outcome.LEFT_TO_PERSON
    return replace(reply, outcome=outcome, text="", sources=())


def _charged(question: Message, reply: Reply, conversation: Conversation) -> Reply:
    """Count an answer against the limits, or return an escalation when one is exceeded.

    The limits are the plan's quota of answers and the rates by address and conversation, which keep
    one visitor from using up the organization's quota.
    """
    try:
        ratelimit.enforce("bot_answer", _subjects(question))
    except ratelimit.RateLimitExceeded:
        farewell = _farewell(Outcome.TOO_MANY, Line.OVER_QUOTA, reply.language, conversation)
        return replace(farewell, confidence=reply.confidence)
    try:
        consume(
            organization_id=question.tenant_id,
            metric=Metric.BOT_ANSWERS,
            key=f"{question.conversation_id}/{question.seq}",
        )
    except QuotaExceeded:
        farewell = _farewell(Outcome.OVER_QUOTA, Line.OVER_QUOTA, reply.language, conversation)
        return replace(farewell, confidence=reply.confidence)
    return reply


def _finish(turn: _Turn, reply: Reply | None) -> None:
    """Record the turn; only after it the pending side effect is removed."""
    fields: dict[str, Any] = {
        "outcome": (reply.outcome if reply else Outcome.SUPERSEDED).value,
        "duration_ms": round((time.monotonic() - turn.began) * 1000),
        "model": MODEL,
    }
    if reply:
        fields |= {
            "answer": reply.text,
            "sources": list(reply.sources),
            "confidence": reply.confidence,
            "language": reply.language,
            "cached": reply.cached,
        }
    question = turn.question
    BotInteraction.objects.finish(
        question.tenant_id,
        question.conversation_id,
        question.seq,
        fields,
        replacing=turn.is_after_return and reply is not None,
    )


def bot_sender(conversation: Conversation, language: str) -> Sender:
    """Return the bot's sender: the name in the widget's settings, else the default name."""
    name = conversation.bot_name or line(Line.NAME, language)
    return Sender(type=SenderType.BOT, id=BOT_ID, name=name)


def _send_typing(question: Message, sender: Sender) -> None:
    announce_typing(
        question.conversation_id,
        sender={"id": sender.id, "type": "bot", "name": sender.name},
        is_typing=True,
    )


def _language(question: Message, conversation: Conversation) -> str:
    fallback = conversation.language_code or conversation.organization.language_code
    return detect_language(_text(question), fallback=fallback)


def _quoted(text: str) -> str:
    """Return a question in one line, shortened."""
    words = " ".join(text.split())
    return words if len(words) <= QUOTED_LENGTH else f"{words[: QUOTED_LENGTH - 1]}…"


def _text(question: Message) -> str:
    return str(question.content.get("text", ""))


def _posted(question: Message, name: str) -> Message | None:
    return Message.objects.posted_as(question.tenant_id, question.conversation_id, name)


def reply_id(seq: int) -> str:
    """Return the fixed client_message_id of the bot's reply to an event."""
    return f"{BOT_REPLY}{seq}"
