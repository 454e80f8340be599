"""Keys by which texts are compared and searched.

- ``identity_key``: equal for two texts that are the same name. It ignores case, width, invisible
  characters, the kinds of apostrophe and dash, the place of a Vietnamese tone and the dots of ё,
  but not accents.
- ``search_key``: for searching only. It ignores accents too, so different names share a key: never
  derive an identity from it.
- ``search_words`` and ``search_terms``: the words of a search, as every search splits them.
- ``joined_words``: what is stored beside the words of a text, so that "wifi" finds "Wi-Fi".
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from crm.core.text.addresses import shown_label
from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import normalize_line, without_ignorable

_BLANK_PATTERN = "\u2800"
# What keyboards and word processors put for an apostrophe, and what looks like one in a name.
_APOSTROPHES = str.maketrans(
    dict.fromkeys(
        "`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u07f4\u07f5\u2018\u2019\u201b", "'"
    )
    | dict.fromkeys("\u2032\u2035\ua78b\ua78c\uff07\uff40", "'")
)
# What word processors put for a hyphen, and what looks like one.
DASHES = str.maketrans(
    dict.fromkeys("\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u207b\u208b\u2212", "-")
    | dict.fromkeys("\u2e3a\u2e3b\ufe31\ufe32\ufe58\ufe63\uff0d", "-")
)
# Signs that a name is written with, and the one that stands for all of their kind.
SAME_SIGNS = _APOSTROPHES | DASHES
# Marks above and below Latin, Greek and Cyrillic letters; the vowel signs of other scripts stay.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_CYRILLIC = re.compile("[\u0400-\u052f]")
# Letters that Unicode does not take apart.
_PLAIN_LETTERS = str.maketrans({"đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o"})
_LATIN = "a-z\u00df-\u024f\u0300-\u036f"
_TONES = "\u0300\u0301\u0303\u0309\u0323"
# A Vietnamese syllable that ends with oa, oe or uy and has its tone on the first of the two, or
# that has it on the u of "qu" or the i of "gi", which belong to the consonant. Folded and
# decomposed; for PostgreSQL, too. The groups are what is before the tone, the tone, the vowel.
TONES_BEFORE = (
    f"(?<![{_LATIN}])"
    f"((?:ngh?|[cgknpt]h|tr|gi|[bcd\u0111ghklmnprstvx])?(?:o(?=[{_TONES}][ae])|u(?=[{_TONES}]y))"
    f"|qu|gi)([{_TONES}])([aeiouy][\u0302\u0306\u031b]?)(?![{_LATIN}])"
)
_TONES_BEFORE = re.compile(TONES_BEFORE)
_MAY_BE_BEFORE = frozenset("òóõỏọùúũủụìíĩỉị")
_PUNYCODE = re.compile(r"xn--[a-z0-9-]+")
_WORD = re.compile(r"[^\W_]+")
# A word, or several that a hyphen or an apostrophe joins, in a folded text.
_COMPOUND = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
# Signs that are written for words or numbers, and that NFKC makes letters and digits of.
_SIGNS_FOR_WORDS = re.compile(
    "[\u00aa\u00ba\u00bc-\u00be\u2100-\u214f\u2150-\u2189\u2460-\u24ff\u3200-\u33ff"
    "\U0001f100-\U0001f2ff]"
)
# Those of them that say nothing of a name: № ™ ℠ ℡ ª º, and a few of their kind.
_UNREAD_SIGNS = re.compile("[\u00aa\u00ba\u2100-\u214f\U0001f16a-\U0001f16c]")
# What people write before an address, folded.
_ADDRESS_LABEL = re.compile(
    r"(?<![\w.@-])(?:mailto|e-?mail|mail|(?:эл(?:ектронная|\.)? ?)?почта|(?:dia chi )?thu dien tu)"
    r"(?: ?: ?| )(?=[^\s@:]+@[^\s@])"
)
# What no email address contains unquoted.
_AROUND_ADDRESSES = re.compile(r"""[\s,;:()<>"“”«»\[\]\\]+""")
MAX_SEARCH_WORDS = 10
# What a search has beyond this is not looked for.
MAX_SEARCH_LENGTH = 200


def identity_key(text: str) -> str:
    """Return a key that is equal for two texts exactly if they are the same name.

    This is Unicode's NFKC_Casefold over a line, with one apostrophe, one dash and one blank: "BÒ"
    and "bò" are equal, "O’Brien" and "O'Brien" and "E–mail" and "E-mail" too, "Bò" and "Bơ" are
    not. A Vietnamese tone may stand on either vowel, and ё is е: "Hóa" and "Hoá", "Пётр" and
    "Петр" are equal. A text of which nothing would be left, as of "¨", is its own key.
    """
    line = normalize_line(text)
    text = line.replace(_BLANK_PATTERN, " ")
    text = without_ignorable(normalize_form("NFD", text)).translate(SAME_SIGNS).casefold()
    text = normalize_form("NFKC", normalize_form("NFKC", text).casefold()).translate(SAME_SIGNS)
    text = _with_tones_behind(text.replace("ё", "е"))
    return normalize_line(normalize_form("NFKC", without_ignorable(text))) or line


def _with_tones_behind(text: str) -> str:
    """Return the folded text with each Vietnamese tone on the vowel that may have it last."""
    if _MAY_BE_BEFORE.isdisjoint(text):
        return text
    apart = normalize_form("NFD", text)
    moved = _TONES_BEFORE.sub(r"\1\3\2", apart)
    return text if moved == apart else moved


def is_taken(name: str, names: Iterable[str]) -> bool:
    """Return whether one of these names has the same identity key."""
    wanted = identity_key(name)
    return any(identity_key(each) == wanted for each in names)


def search_key(text: str) -> str:
    """Return the text without case and accents, for comparison in searches.

    "Vũ Khánh Đào" becomes "vu khanh dao" and "Лунёва" becomes "лунева"; й stays й. The names of
    domains are in their own script. "№57" is "57", and "5½" two words: a sign ends a word.
    """
    text = identity_key(_with_signs_apart(text)) or identity_key(text)
    if "xn--" in text:
        text = identity_key(_PUNYCODE.sub(lambda found: shown_label(found[0]), text))
    text = normalize_form("NFC", text)
    if text.isascii():
        return text
    return normalize_line("".join(map(_without_accents, text)))


def search_words(text: str) -> list[str]:
    """Return the distinct words of a search, folded by ``search_key``; at most MAX_SEARCH_WORDS.

    An email address is one word, without the punctuation around it and what names it ("mailto:").
    Everything else is split at what is neither letter nor digit, so "Wi‑Fi?" is "wi" and "fi". A
    search of punctuation alone is split at white space.
    """
    return [word for word, *_joined in search_terms(text)]


def search_terms(text: str) -> list[tuple[str, ...]]:
    """Return the words of a search, each with the words that may stand for it.

    Either "wi" and "fi" or "wifi" are what "Wi‑Fi" asks for. A search for any part of a stored word
    needs no more than ``search_words``: "wifi" contains both.
    """
    key = search_key(text)[:MAX_SEARCH_LENGTH]
    terms: dict[str, tuple[str, ...]] = {}
    for part in _AROUND_ADDRESSES.split(_ADDRESS_LABEL.sub("", key)):
        words = list(_WORD.finditer(part))
        whole = part[words[0].start() : words[-1].end()] if words else ""
        if "@" in whole:
            # Behind "mailto:" may be a subject.
            address = whole.partition("?")[0]
            terms[address] = (address,)
            continue
        terms |= {word: each for word, each in compound_terms(part).items() if word not in terms}
    found = list(terms.values()) or [(sign,) for sign in dict.fromkeys(key.split())]
    return found[:MAX_SEARCH_WORDS]


def compound_terms(key: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a folded text, each with itself and the compounds it is a part of."""
    terms: dict[str, tuple[str, ...]] = {}
    for compound in _COMPOUND.findall(key):
        for piece in compound.split("-"):
            for word in piece.split("'"):
                forms = dict.fromkeys([word, _joined(piece), _joined(compound)])
                terms.setdefault(word, tuple(forms))
    return terms


def joined_words(key: str) -> list[str]:
    """Return what the compounds of a folded text are without their hyphens and apostrophes.

    "smith-o'neill" gives "smithoneill" and "oneill".
    """
    found: dict[str, None] = {}
    for compound in _COMPOUND.findall(key):
        pieces = [piece for piece in compound.split("-") if "'" in piece]
        if "-" in compound or pieces:
            found |= dict.fromkeys(map(_joined, [compound, *pieces]))
    return list(found)


def _joined(compound: str) -> str:
    return compound.replace("-", "").replace("'", "")


def _with_signs_apart(text: str) -> str:
    return text if text.isascii() else _SIGNS_FOR_WORDS.sub(lambda sign: _apart(sign[0]), text)


@lru_cache(maxsize=1_000)
def _apart(sign: str) -> str:
    """Return what a search reads for a sign: nothing for №, a word of its own for ½ and ①."""
    folded = unicodedata.normalize("NFKC", sign)
    if folded == sign or unicodedata.category(sign) not in {"So", "No", "Lo"}:
        return sign
    if _UNREAD_SIGNS.match(sign):
        return " "
    # Names are written in letters with circles, too.
    return sign if len(folded) == 1 and folded.isalpha() else f" {folded} "


@lru_cache(maxsize=5_000)
def _without_accents(character: str) -> str:
    # In Cyrillic the marks make letters of their own; only ё is written as е by many.
    if _CYRILLIC.match(character):
        return "е" if character == "ё" else character
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", character))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN_LETTERS)
