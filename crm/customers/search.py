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
_PUNCTUATION = "@,;:()<>\"'+"
_NUMBER = re.compile(r"[+(]?[0-9][0-9 ()./-]*")
# Calling codes of one and of two digits; all others have three.
_CALLING_CODE = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}")
_LEAST_NATIONAL = 4


def searched_words(*, name: str, email: str, phone: str) -> list[str]:
    """Return the distinct search words of a customer, at most MAX_WORDS.

    An address is indexed as a whole, by domain and by parts; a phone number by its digits, whole,
    in groups, and in its national form.
    """
    words: dict[str, None] = {}
    for text in (*search_key(name).split(), search_key(email), search_key(email.partition("@")[2])):
        word = _plain(text)
        words |= dict.fromkeys([word, word.replace("'", ""), *_PART.findall(text)])
    groups = re.findall(r"\d+", phone)
    words |= dict.fromkeys(["".join(groups), *groups, *_stored_forms(phone)])
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in words if word))[:MAX_WORDS]


def asked_words(text: str) -> list[str]:
    """Return the word prefixes of a search; empty if it has none."""
    words = (_plain(word)[:WORD_LENGTH] for word in search_key(text).split())
    return [word for word in dict.fromkeys(words) if word][:MAX_ASKED]


def asked_numbers(text: str) -> list[str]:
    """Return the digits to look for if the text is a phone number, else an empty list.

    "+84 90 123 45 67" is "84901234567", and "901234567" for those stored without the country.
    """
    text = search_key(text)
    digits = _digits(text)
    if not _NUMBER.fullmatch(text) or len(digits) < _LEAST_NATIONAL:
        return []
    return list(dict.fromkeys([digits, *filter(None, [_national(text)])]))


def begins_with(word: str) -> models.Q:
    return models.Q(word__gte=word, word__lt=f"{word}{_LAST_LETTER}")


def _stored_forms(phone: str) -> list[str]:
    """Return the national forms of a number, with the trunk prefix and without."""
    national = _national(phone)
    if national:
        trunk = "8" if _digits(phone).startswith("7") else "0"
        return [national, f"{trunk}{national}"]
    bare = _digits(phone).removeprefix("0")
    return [bare] if len(bare) >= _LEAST_NATIONAL else []


def _national(phone: str) -> str:
    """Return the digits behind the country's calling code, "" where the number names none."""
    if not phone.lstrip().startswith(("+", "00")):
        return ""
    digits = _digits(phone)
    code = _CALLING_CODE.match(digits)
    national = digits[code.end() :] if code else ""
    return national if len(national) >= _LEAST_NATIONAL else ""


def _digits(phone: str) -> str:
    """Return the digits as they are dialled from abroad: without "00" and "(0)"."""
    digits = "".join(re.findall(r"[0-9]+", phone.replace("(0)", "")))
    return digits.removeprefix("00")


def _plain(word: str) -> str:
    return word.replace("\u2019", "'").strip(_PUNCTUATION)
