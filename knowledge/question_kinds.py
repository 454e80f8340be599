"""What a question asks for: a price, a duration, a place, a time or a person.

"How much is delivery?" and "How long does delivery take?" are one topic and nearly one vector; the
words that tell them apart are stopwords to the keyword search.
"""

import re
from collections.abc import Iterable

from knowledge.models import Faq
from knowledge.tokenizer import content_words, normalized, words

# Over text without case and diacritics.
_ASKED = {
    "price": (
        r"\bhow much (?:is|are|does|do|for|would|will|it|to)\b"
        r"|\b(?:price|prices|pricing|cost|costs|fee|fees)\b"
        r"|сколько (?:\w+ )?сто[ия]\w*|\bцен[аыуе]\b|\bстоимост\w+|\bпочем\b|\bтариф\w*"
        r"|\bgia\b(?! re)|\bbao nhieu (?:tien|dong|vnd)\b|\b(?:phi|cuoc phi)\b"
    ),
    "duration": (
        r"\bhow long\b|\bhow many (?:days|hours|weeks|minutes)\b|\bhow (?:fast|quickly|soon)\b"
        r"|сколько (?:\w+ )?(?:дней|идет|времени|занима\w+|ждать|держится|часов|недель|длится)"
        r"|\bсрок\w*|\bкак (?:долго|быстро|скоро)\b"
        r"|\bbao lau\b|\b(?:may|bao nhieu) (?:ngay|tieng|tuan|phut)\b"
    ),
    "place": (
        r"\bwhere are you\b|\baddress\b|\blocated\b"
        r"|\bгде (?:вы|ваш\w*|находит\w+)\b|\bадрес\w*|\bdia chi\b"
    ),
    "time": (
        r"\bwhat time\b|\b(?:opening|working|business) (?:hours|times?)\b|\bare you open\b"
        r"|\byou (?:open|close)\b|\bчас(?:ы|ов) работы\b|\bв какие часы\b|\bграфик\w* работы\b"
        r"|\b(?:во|до) скольк\w+\b(?! градус)|\bmay gio\b|\bgio (?:mo cua|lam viec)\b"
    ),
    "person": r"\bwho (?:is|are|owns|won|designs)\b|^кто\b|\bai (?:la|da|lam|thiet)\b|\bla ai\b",
}
# The last digit of a number is enough: all of its digits would be tried from each of them.
_TOLD = {
    "price": (
        r"\d[., ]*(?:€|\$|£|₫|₽|usd|eur|rub|vnd|dong|d\b|k\b|руб\w*|р\b|доллар\w*|евро"
        r"|dollars?|euros?)"
        r"|[€$£₫₽] ?\d|\b(?:rub|usd|eur|vnd) ?\d|\bfree\b|\bmien phi\b|\bбесплатн\w+"
    ),
    "duration": (
        r"\d ?(?:working |business |рабоч\w+ |календарн\w+ )?"
        r"(?:days?|hours?|weeks?|minutes?|months?|дн\w*|час\w*|недел\w*|минут\w*|месяц\w*"
        r"|ngay|tieng|tuan|phut|thang)\b|\bсут\w+"
    ),
    "place": (
        r"\b(?:street|road|avenue|floor|square|ул|улиц\w*|проспект\w*|площад\w*|этаж\w*"
        r"|duong|pho|quan|phuong|tang)\b"
    ),
    "time": r"\d{1,2}[:.]\d\d|\d ?(?:am|pm)\b|\bс \d{1,2} до \d{1,2}\b|\d{1,2} ?(?:gio|h)\b",
}
_ASKED_FOR = {kind: re.compile(pattern) for kind, pattern in _ASKED.items()}
_TOLD_BY = {kind: re.compile(pattern) for kind, pattern in _TOLD.items()}


def asks_for_something_else(question: str, faqs: Iterable[Faq]) -> bool:
    """Return whether a question names what it asks for, and these FAQs neither ask nor tell it."""
    wanted = _kinds(_ASKED_FOR, question)
    if not wanted:
        return False
    for faq in faqs:
        for asked in (faq.question, *faq.phrasings):
            if wanted & _kinds(_ASKED_FOR, asked):
                return False
        if wanted & _kinds(_TOLD_BY, faq.answer):
            return False
    return True


def topic_words(question: str) -> list[str]:
    """Return the content words that name the topic: "manicure" of "How much is a manicure?".

    A question of nothing else keeps the words of its kind.
    """
    found = list(dict.fromkeys(content_words(question)))
    plain = normalized(question)
    kind = {
        word
        for name, pattern in _ASKED_FOR.items()
        # An address may also be what it is about, as in "I gave a wrong address".
        if name != "place"
        for match in pattern.finditer(plain)
        for word in words(match.group())
    }
    return [word for word in found if normalized(word) not in kind] or found


def _kinds(patterns: dict[str, re.Pattern[str]], text: str) -> set[str]:
    plain = normalized(text)
    return {kind for kind, pattern in patterns.items() if pattern.search(plain)}
