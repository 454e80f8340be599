"""Who wants a person gets one; who is polite is answered politely; all else is a question."""

import json
from pathlib import Path

import pytest

from chat.intents import Intent, recognise

QUESTIONS = json.loads((Path(__file__).parents[1] / "knowledge" / "questions.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a person",
        "i want to speak with a real human please",
        "Can I talk to someone?",
        "connect me with an agent",
        "Please transfer me to your manager",
        "human please",
        "agent",
        "I need an operator",
        "get me a human",
        "not a bot please",
        "is there anyone there?",
        "I'd like to have a real person",
        "could I chat with your support team",
        "Tôi muốn nói chuyện với nhân viên",
        "toi muon noi chuyen voi nhan vien",
        "cho mình gặp người thật",
        "cho em gap tu van vien voi a",
        "kết nối mình với tư vấn viên",
        "mình muốn chat với người",
        "cần nhân viên hỗ trợ",
        "nhân viên đâu rồi",
        "không muốn nói chuyện với bot",
        "Хочу поговорить с человеком",
        "хочу поговорить с живым человеком!",
        "соедините с оператором",
        "позовите менеджера, пожалуйста",
        "переключите меня на сотрудника",
        "нужен оператор",
        "можно живого человека?",
        "оператор",
        "хочу пообщаться с кем-нибудь",
        "свяжите меня с вашим менеджером",
        "мне нужен не робот",
    ],
)
def test_wish_for_a_person(text: str) -> None:
    assert recognise(text) == Intent.PERSON


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Hi!", Intent.GREETING),
        ("hello there", Intent.GREETING),
        ("Good morning", Intent.GREETING),
        ("Xin chào shop", Intent.GREETING),
        ("alo shop ơi", Intent.GREETING),
        ("Здравствуйте!", Intent.GREETING),
        ("Добрый день", Intent.GREETING),
        ("Thank you very much!", Intent.THANKS),
        ("ok, thanks", Intent.THANKS),
        ("Cảm ơn shop nhiều nhé", Intent.THANKS),
        ("cam on", Intent.THANKS),
        ("Спасибо большое за помощь", Intent.THANKS),
        ("понятно, спасибо", Intent.THANKS),
        ("bye", Intent.GOODBYE),
        ("Tạm biệt", Intent.GOODBYE),
        ("До свидания", Intent.GOODBYE),
    ],
)
def test_politeness(text: str, intent: Intent) -> None:
    assert recognise(text) == intent


@pytest.mark.parametrize("question", [one["question"] for one in QUESTIONS])
def test_real_question_is_a_question(question: str) -> None:
    assert recognise(question) == Intent.QUESTION


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how much is shipping to Russia?",
        "Thanks! And how do I cancel?",
        "Cảm ơn, còn giao hàng thì sao?",
        "Здравствуйте, сколько стоит доставка?",
        "I want a gift for a person who loves espresso",
        "how many people fit into a workshop?",
        "is a person needed to sign for the parcel?",
        "có cho nhân viên quán giảm giá không",
        "подарок для человека, который любит эспрессо",
        "сколько сотрудников у вас работает",
        "do your agents roast on Sundays",
        "👍",
        "",
    ],
)
def test_question_that_looks_otherwise(text: str) -> None:
    assert recognise(text) == Intent.QUESTION
