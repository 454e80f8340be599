"""Recognition of requests for a person and of small talk.

By phrases in text without case and diacritics. A false "wants a person" costs an answer that the
bot knew; a missed one frustrates a customer, so many phrasings are recognized.
"""

import re
from enum import StrEnum

from knowledge.tokenizer import normalized, words

MAX_POLITE_WORDS = 8


class Intent(StrEnum):
    PERSON = "person"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    QUESTION = "question"


_PEOPLE_EN = (
    r"(?:humans?|persons?|people|agents?|operators?|someone|somebody|representatives?|rep|managers?"
    r"|consultants?|advisors?|staff|employees?|colleagues?|support)"
)
_PEOPLE_VI = (
    r"(?:nhan vien|nguoi that|nguoi thuc|con nguoi|tu van vien|tong dai vien|quan ly|nguoi tu van"
    r"|ai do|nguoi nao do|nguoi)"
)
_PEOPLE_RU = (
    r"(?:человек\w*|оператор\w*|сотрудник\w*|менеджер\w*|консультант\w*|специалист\w*|людьми"
    r"|администратор\w*|кем-?\s?нибудь|кем-?\s?то|живым|живого|поддержк\w+)"
)
_PERSON = re.compile(
    "|".join(
        (
            # "talk to a real person", "connect me with an agent", "pass me on to your manager"
            r"\b(?:talk|speak|chat|connect|transfer|pass|put|forward|reach|contact)\b(?:\s\w+){0,3}?"
            rf"\s(?:to|with|through|a|an|your|the|me|human)\s(?:\w+\s){{0,3}}?{_PEOPLE_EN}\b",
            rf"\b(?:talk|speak|chat)\s(?:to|with)\s(?:\w+\s){{0,3}}?{_PEOPLE_EN}\b",
            # "I need an agent", "get me a human please"
            r"\b(?:need|want|get|give|call|like|have)\s(?:me\s)?(?:to\s\w+\s)?(?:a|an|the|your|some)?\s?"
            rf"(?:real\s|live\s|human\s|actual\s)*{_PEOPLE_EN}(?:\splease|\snow|\shere|\sto\shelp.*)?$",
            rf"\b(?:real|live|actual|human)\s{_PEOPLE_EN}\b",
            r"\b(?:is|are)\s(?:there\s)?(?:any\s?one|somebody|someone|a\shuman|a\sperson)\s(?:there|here)\b",
            r"\bnot\s(?:to\s|with\s)?(?:a\s|the\s)?(?:ro)?bot\b",
            rf"^(?:an?\s)?(?:{_PEOPLE_EN}|live\schat|real\sperson)(?:\splease)?$",
            # "nói chuyện với nhân viên", "cho mình gặp người thật", "kết nối tư vấn viên"
            r"\b(?:noi chuyen|gap|chat|trao doi|lien he|lien lac|ket noi|noi may|chuyen)\b"
            rf"(?:\s\w+){{0,3}}?\s{_PEOPLE_VI}\b",
            r"\b(?:can|muon|goi|cho)\s(?:\w+\s)?"
            r"(?:nhan vien|nguoi that|nguoi thuc|tu van vien|tong dai vien)"
            r"\s(?:tu van|ho tro|tra loi|giup)\b",
            r"\bkhong\s(?:muon\s)?(?:noi chuyen|chat|noi|gap)\s(?:\w+\s)?(?:voi\s)?"
            r"(?:bot|may|robot|chatbot)\b",
            r"^(?:can\s|gap\s|goi\s)?(?:nhan vien|nguoi that|tu van vien|tong dai vien)"
            r"(?:\s(?:di|nhe|a|voi|dau|dau roi|oi))*$",
            # "поговорить с человеком", "соедините с оператором", "позовите менеджера"
            r"\b(?:поговорить|поговорю|говорить|связаться|свяж\w+|соедин\w+|переключ\w+|перевед\w+"
            r"|позов\w+|позвать|пообщаться|общаться|подключ\w+|написать|обратиться|передайте)\b"
            rf"(?:\s\w+){{0,4}}?\s{_PEOPLE_RU}",
            r"\b(?:нужен|нужна|нужны|дайте|хочу|можно|хотел бы|хотела бы)\s(?:мне\s|с\s|к\s|на\s)?"
            rf"(?:жив\w+\s|настоящ\w+\s|ваш\w*\s|реальн\w+\s)?{_PEOPLE_RU}(?:\sпожалуиста|\sпожалуйста)?$",
            r"\b(?:жив\w+|настоящ\w+|реальн\w+)\s(?:человек\w*|оператор\w*|сотрудник\w*|менеджер\w*|консультант\w*)",
            r"\bне\s(?:с\s)?(?:робот\w*|бот\w*)\b",
            rf"^(?:{_PEOPLE_RU})(?:\sпожалуйста)?$",
            r"\bесть\s(?:тут\s|здесь\s)?(?:кто\s(?:нибудь\s)?живой|живые)\b",
        )
    )
)

_GREETINGS = frozenset(
    words(
        """
        hi hello hey hiya greetings morning xin chao alo hello привет здравствуйте здравствуй
        здрасте добрый доброе доброго салют
        """
    )
)
_THANKS = frozenset(
    words(
        """
        thanks thank thx ty cheers great perfect awesome excellent ok okay cool nice wonderful cam
        on camon ok oke okie tuyet спасибо благодарю спс ок окей хорошо понятно понял поняла отлично
        супер ясно
        """
    )
)
_GOODBYES = frozenset(
    words(
        """
        bye goodbye cya tam biet bai пока свидания
        """
    )
)
_FILLERS = frozenset(
    words(
        """
        there all everyone everybody guys good day afternoon evening you so very much a lot for your
        the help is it that got see later how are to shop ban ad admin em anh chi a oi nhe nha nhieu
        lam minh rat qua vay da vang roi hen gap lai voi день вечер утро дня вечера всем вам большое
        огромное за помощь ответ до очень теперь все
        """
    )
)


def recognise(text: str) -> Intent:
    """Return the intent of a message; the default is a question."""
    plain = " ".join(words(normalized(text)))
    if _PERSON.search(plain):
        return Intent.PERSON
    return _politeness(plain.split()) or Intent.QUESTION


def _politeness(found: list[str]) -> Intent | None:
    if not 0 < len(found) <= MAX_POLITE_WORDS:
        return None
    polite = _GREETINGS | _THANKS | _GOODBYES
    if not set(found) <= polite | _FILLERS:
        return None
    for intent, core in (
        (Intent.GOODBYE, _GOODBYES),
        (Intent.THANKS, _THANKS),
        (Intent.GREETING, _GREETINGS),
    ):
        if any(word in core for word in found):
            return intent
    return None
