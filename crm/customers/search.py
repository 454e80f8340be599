"""Search words of customers, and parsing of searches.

Words and searches are folded alike (`crm.core.text.folding.search_key`). A search is a range
of words, the only condition for which row-level security can use an index: trigrams and LIKE are
not leakproof.
"""

import re
from functools import cache, reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.utils import translation

from crm.core.text.folding import (
    MAX_SEARCH_LENGTH,
    MAX_SEARCH_WORDS,
    joined_words,
    search_key,
    search_terms,
    search_words,
)
from crm.core.text.phones import EXTENSION

MAX_WORDS = 60
SHORT_ID_LENGTH = 4
WORD_LENGTH = 64
_SHORT_ID = re.compile(rf"[0-9a-f]{{{SHORT_ID_LENGTH}}}")
# Behind every word that begins with the same characters, compared byte by byte.
_LAST_LETTER = "\U0010ffff"
_PART = re.compile(r"[^\W_]+")
_PUNCTUATION = "@,;:()<>\"'+"
_NUMBER = re.compile(r"(?<![\w@])[+(]{0,3}[0-9](?:[0-9 ().-]|/(?=[0-9]))*(?![.+-]?[\w@])")
# What people write before a number or behind it, folded.
_NAMES_NUMBER = (
    r"(?:(?:tel(?:ephone)?|phone|cell|mob(?:ile)?)(?: number)?|sms|fax|callto|whatsapp|viber"
    r"|telegram|zalo|hotline|т|тел(?:ефон)?|моб(?:ильный)?|сот(?:овый)?|номер(?: телефона)?|факс"
    r"|sdt|lien he|(?:so )?(?:dien thoai|di dong|dt))"
)
_LABEL = re.compile(
    rf"\b{_NAMES_NUMBER}\b[^\w+(]*(?=[+(]*[0-9])"
    rf"|(?<=[0-9]{{3}})[^\w+]+{_NAMES_NUMBER}\b(?![^\w]*[+(]*[0-9])"
)
# Addresses of people in messengers, folded: what stands around the number in them.
_LINK = re.compile(
    r"(?:\w+://)?(?:www\.)?(?:(?:chat\.)?zalo\.me|wa\.me|t\.me|(?:api|web)\.whatsapp\.com)/"
    r"(?:send/?\?phone=)?(?=\+?[0-9])|\w+://[a-z]+/?\?(?:phone|number)=(?=\+?[0-9])"
)
_BEHIND_LINKED = re.compile(r"(?<=[0-9])[/?&#][a-z]\S*")
_CHAT_DOMAIN = re.compile(r"(?<=[0-9])@(?:c\.us|s\.whatsapp\.net)\b")
# Written around a word for emphasis, where a word begins or ends.
_EMPHASIS = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
# Calling codes of one and of two digits; all others have three, and none begins with 83 or 89.
_CALLING_CODE = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?!8[39])[2-9][0-9]{2}"
)
_MIN_NATIONAL = 4
# Of E.164, with the calling code.
_LONGEST_NUMBER = 15
# From here on, digits without "+" may begin with a calling code.
_MIN_INTERNATIONAL = 11
# The code of Russia and Kazakhstan, whose numbers of ten digits are dialled behind an 8 inside.
_RUSSIA = "7"
_RUSSIAN = re.compile(r"[78][0-9]{10}")


def searched_words(*, name: str, email: str, phone: str) -> list[str]:
    """Return the distinct search words of a customer, at most MAX_WORDS.

    An address is indexed as a whole, by domain and by parts; a phone number by its groups of
    digits, in every form of ``number_forms``, and by its ends, so that each part of it is found.
    """
    words: dict[str, None] = {}
    for text in (search_key(email), search_key(email.partition("@")[2])):
        words |= dict.fromkeys(_forms_of(text))
    phone = search_key(phone)
    groups = re.findall(r"[0-9]+", phone)
    words |= dict.fromkeys(["".join(groups), *groups])
    for number in _NUMBER.findall(phone):
        words |= dict.fromkeys([*number_forms(number), *_ends_of(number)])
    named = dict.fromkeys(form for text in search_key(name).split() for form in _forms_of(text))
    # A long name does not push address and number out.
    rest = [word for word in words if word]
    found = [*[word for word in named if word][: max(0, MAX_WORDS - len(rest))], *rest]
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in found))[:MAX_WORDS]


def _forms_of(text: str) -> list[str]:
    word = text.strip(_PUNCTUATION)
    return [word, *joined_words(text), *search_words(text), *_PART.findall(text)]


def asked_ranges(text: str) -> list[models.Q]:
    """Return the conditions of a search, each on one search word; empty if it asks for nothing.

    Each word of the search is the beginning of one. A phone number in it is looked for in all forms
    of ``number_forms``, or by its groups of digits; signs and labels beside it ("☎", "tel.") and
    the messenger it is linked to are left out.
    """
    text = _without_labels(search_key(text)[:MAX_SEARCH_LENGTH])
    numbers = [number for number in _NUMBER.findall(text) if number_forms(number)]
    rest = _NUMBER.sub(lambda found: " " if found[0] in numbers else found[0], text)
    # Signs alone are looked for only where nothing else is.
    terms = search_terms(rest) if not numbers or _PART.search(rest) else []
    ranges = [
        reduce(or_, (begins_with(word[:WORD_LENGTH]) for word in alternatives))
        for alternatives in terms
    ]
    for number in numbers:
        whole = reduce(or_, map(begins_with, number_forms(number)))
        ranges += [whole | begins_with(group) for group in search_words(number)]
    return ranges[:MAX_SEARCH_WORDS]


def _without_labels(text: str) -> str:
    """Return the folded text of a search without what people write or copy around a number."""
    if not re.search("[0-9]", text):
        return text
    linked = _LINK.sub(" ", text.replace("%2b", "+"))
    if linked != text:
        linked = _BEHIND_LINKED.sub(" ", linked)
    linked = EXTENSION.sub(" ", linked)
    return _LABEL.sub("", _EMPHASIS.sub(" ", _CHAT_DOMAIN.sub(" ", linked)))


def asked_visitor(text: str) -> str:
    """Return the short id of a search for a visitor without a name, as "Visitor 3F9A" or "3f9a";
    empty for any other search.
    """
    *label, short_id = search_words(text) or [""]
    if not _SHORT_ID.fullmatch(short_id) or " ".join(label) not in _visitor_labels():
        return ""
    return short_id


@cache
def _visitor_labels() -> frozenset[str]:
    labels = {""}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            labels.add(search_key(translation.gettext("Visitor")))
    return frozenset(labels)


def begins_with(word: str) -> models.Q:
    return models.Q(word__gte=word, word__lt=f"{word}{_LAST_LETTER}")


def number_forms(number: str) -> list[str]:
    """Return the digits of a phone number in the forms in which it may be stored or searched for:
    as written, with the calling code, without it, and behind the trunk prefix.

    "+7 903 555-77-88", "89035557788" and "9035557788" share "9035557788". A number without "+" may
    have several readings. Empty if there are too few digits.
    """
    digits = "".join(re.findall(r"[0-9]+", number.replace("(0)", "")))
    if len(digits) < _MIN_NATIONAL:
        return []
    forms = [digits]
    if number.lstrip("( ").startswith(("+", "00")):
        digits = digits.removeprefix("00")
        forms = [digits, *_forms_behind_code(digits)]
    elif digits.startswith("0"):
        forms.append(digits[1:])
    else:
        if _RUSSIAN.fullmatch(digits):
            forms += _forms_behind_code(_RUSSIA + digits[1:])
        if len(digits) >= _MIN_INTERNATIONAL:
            forms += _forms_behind_code(digits)
    return list(dict.fromkeys(form for form in forms if len(form) >= _MIN_NATIONAL))


def _ends_of(number: str) -> list[str]:
    """Return the ends of a number, of _MIN_NATIONAL digits and more, the longest first."""
    digits = "".join(re.findall(r"[0-9]+", number))[-_LONGEST_NUMBER:]
    return [digits[start:] for start in range(1, len(digits) - _MIN_NATIONAL + 1)]


def _forms_behind_code(digits: str) -> list[str]:
    """Return the forms of a number that begins with a calling code, none if it does not.

    A "0" between code and number is a trunk prefix, except in a few countries: both are forms.
    """
    found = _CALLING_CODE.match(digits)
    if not found:
        return []
    code, national = found[0], digits[found.end() :]
    bare = national.removeprefix("0")
    if len(bare) < _MIN_NATIONAL:
        return []
    trunk = "8" if code == _RUSSIA else "0"
    return [f"{code}{bare}", national, bare, f"{trunk}{bare}"]
