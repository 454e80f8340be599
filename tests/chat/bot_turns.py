"""A question to the bot, its turn, and what the customer and the team see of it."""

from typing import Any

from chat import bot
from chat.bot_texts import Line, line
from chat.interactions import BotInteraction
from chat.models import Conversation, EventKind, Message, SenderType
from chat.services import post_message
from chat.services.conversations import customer_sender

SHIPPING = "How much is the shipping to Russia?"


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


def farewell(name: Line, language: str = "en") -> str:
    """Return what the bot says when it hands over and nobody of the team is online."""
    return f"{line(name, language)} {line(Line.TEAM_AWAY, language)}"


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
