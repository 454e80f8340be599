"""Search words of customers, and parsing of searches.

Words and searches are folded alike (`crm.core.text.normalization.search_key`). A search is a range
of words, the only condition for which row-level security can use an index: trigrams and LIKE are
not leakproof.
"""

import re

from django.db import models

from crm.core.text.normalization import search_key

MAX_WORDS = 60
MAX_ASKED = 8
WORD_LENGTH = 64
# Behind every word that begins with the same letters, compared byte by byte.
_LAST_LETTER = "\U0010ffff"
_PART = re.compile(r"[^\W_]+")
_PUNCTUATION = "@,;:()<>\"'"


def searched_words(*, name: str, email: str, phone: str) -> list[str]:
    """Return the distinct search words of a customer, at most MAX_WORDS.

    An address is indexed as a whole, by domain and by parts; a phone number by its digits, whole
    and in groups.
    """
    words: dict[str, None] = {}
    for text in (*search_key(name).split(), search_key(email), search_key(email.partition("@")[2])):
        word = _plain(text)
        words |= dict.fromkeys([word, word.replace("'", ""), *_PART.findall(text)])
    groups = re.findall(r"\d+", phone)
    words |= dict.fromkeys(["".join(groups), *groups])
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in words if word))[:MAX_WORDS]


def asked_words(text: str) -> list[str]:
    """Return the word prefixes of a search; empty if it has none."""
    words = (_plain(word)[:WORD_LENGTH] for word in search_key(text).split())
    return [word for word in dict.fromkeys(words) if word][:MAX_ASKED]


def begins_with(word: str) -> models.Q:
    return models.Q(word__gte=word, word__lt=f"{word}{_LAST_LETTER}")


def _plain(word: str) -> str:
    return word.replace("\u2019", "'").strip(_PUNCTUATION)
