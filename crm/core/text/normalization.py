"""Normalization of user-supplied text for storing, comparing, searching and displaying.

- ``is_too_long``: whether a text is refused before the work of normalizing it.
- ``normalize`` and ``normalize_line``: for storing. Canonical composition (NFC), no invisible
  characters, no bidirectional controls, trimmed.
- ``normalize_key``: a key, such as ``returns`` of an FAQ.
- ``is_blank``: whether nothing is visible.
- ``identity_key``: equal for two texts that are the same name. It ignores case, width, invisible
  characters, the kinds of apostrophe and dash, the place of a Vietnamese tone and the dots of ё,
  but not accents.
- ``search_key``: for searching only. It ignores accents too, so different names share a key: never
  derive an identity from it.
- ``search_words`` and ``search_terms``: the words of a search, as every search splits them.
- ``joined_words``: what is stored beside the words of a text, so that "wifi" finds "Wi-Fi".
- ``normalize_email`` and ``ascii_email``: an address for comparing, and for sending.
- ``normalize_phone``: a phone number as it is written on a keyboard.
- ``normalize_password``: a password for hashing.
- ``in_order``: an equal text that is normalized in linear time.
- ``normalize_form``: a normal form of Unicode, instead of `unicodedata.normalize`.
- ``isolate``: user-supplied text that cannot change the direction of its sentence.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Literal

import idna

# Characters without a shape (Default_Ignorable_Code_Point of Unicode, and the interlinear
# annotation), except those that some text needs, which are decided by their neighbours.
_REMOVED = re.compile(
    "["
    "\u0001-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f"  # controls; NUL is refused
    "\u00ad\u034f\u061c\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f"
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    "]+"
)
# Joiners, variation selectors and tags: a part of emoji and of some scripts, else invisible.
_JOINERS = "\u200c\u200d"
_CONTEXTUAL = re.compile(
    "[\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
)
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# With the soft ones of word processors.
_LINE_ENDS = re.compile("\r\n|[\u000b\u000c\r\u0085\u2028\u2029]")
# Characters without a shape, and the blank of Braille: they stay inside a text that needs them.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0\U0001d159"
# What `str.isspace` says of. A pattern for the end of a text would look at a run of these inside it
# once for each of them.
_SPACES = (
    "\t\n\u000b\u000c\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004"
    "\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_AROUND = _SPACES + _BLANKS
_FILLERS = re.compile("[\u115f\u1160\u3164\uffa0\U0001d159]")
_BLANK_PATTERN = "\u2800"
# What keyboards and word processors put for an apostrophe, and what looks like one in a name.
_APOSTROPHES = str.maketrans(
    dict.fromkeys(
        "`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u07f4\u07f5\u2018\u2019\u201b", "'"
    )
    | dict.fromkeys("\u2032\u2035\ua78b\ua78c\uff07\uff40", "'")
)
# What word processors put for a hyphen, and what looks like one.
_DASHES = str.maketrans(
    dict.fromkeys("\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u207b\u208b\u2212", "-")
    | dict.fromkeys("\u2e3a\u2e3b\ufe31\ufe32\ufe58\ufe63\uff0d", "-")
)
# Signs that a name is written with, and the one that stands for all of their kind.
SAME_SIGNS = _APOSTROPHES | _DASHES
# Scripts whose letters change by a joiner or a variation selector: Arabic to Sinhala, Tibetan,
# Myanmar, Khmer, Mongolian, Phags-pa.
_JOINING = re.compile("[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua87f]")
_IDEOGRAPH = re.compile("[\u3000-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_PICTOGRAPHS = re.compile("[\U0001f000-\U0001faff\U0001fc00-\U0001fffd]")
_BLACK_FLAG = "\U0001f3f4"
_FIRST_TAG, _LAST_TAG, _CANCEL_TAG = "\U000e0020", "\U000e007e", "\U000e007f"
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
_MAX_PASSES = 3
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
# What a phone number is written with, once it is normalized: "(+84) 24 3825 1234 ext. 12". May be
# empty.
PHONE = r"^(?:\(?\+?[ ()./-]*[0-9][0-9 ()./-]*(?: ext\. [0-9]{1,6})?)?$"
# What people write between a number and its extension, with and without accents.
EXTENSION = re.compile(
    r"(?<=[0-9]{2})[) ,;]*\(?(?:доб(?:авочный)?\b|вн(?:утр(?:енний)?)?\b|ext(?:ension)?(?![^\W\d])"
    r"|x(?=[ .]*[0-9])|#|m[áa]y l[ẻe]\b|s[ốo] l[ẻe]\b|n[ộo]i b[ộo]\b)[ .:#=]*([0-9]{1,6})\)?(?!\w)",
    re.IGNORECASE,
)
MAX_SEARCH_WORDS = 10
# What a search has beyond this is not looked for.
MAX_SEARCH_LENGTH = 200
# Normalizing shortens what somebody typed, but never to a fraction.
_MAX_LENGTH_FACTOR = 4
# Of a text whose field names no length.
DEFAULT_MAX_LENGTH = 10_000
# More marks on one letter than any script has (the bound of UAX #15 for safe streams).
_MAX_MARKS = 30
_FIRST_MARK, _LAST_MARK = 0x0300, 0x1EFFF
_BEYOND_BASIC = "\U00010000"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def is_too_long(text: str, max_length: int | None) -> bool:
    """Return whether a text is to be refused by its length, before the work of normalizing it."""
    return len(text) > _MAX_LENGTH_FACTOR * (max_length or DEFAULT_MAX_LENGTH)


def normalize(text: str) -> str:
    r"""Return the text normalized for storing: NFC, line ends as ``\n``, nothing invisible,
    trimmed.

    Joiners and variation selectors stay where emoji and scripts need them. NUL and lone surrogates
    stay, for a validator to reject. Combining marks without a base letter are removed. Idempotent.
    """
    text = normalize_untrimmed(text)
    text = text.strip(_AROUND)
    return "" if not text.isascii() and all(map(_shows_nothing, text)) else text


def normalize_untrimmed(text: str) -> str:
    """Return the text normalized but for the white space around it."""
    text = _REMOVED.sub("", with_line_ends(text))
    if not text.isascii():
        text = normalize_form("NFC", text)
        # Composing what a stray joiner had parted may leave another one without a neighbour.
        for _pass in range(_MAX_PASSES):
            text = normalize_form("NFC", _without_stray_joiners(text))
    return text


def with_line_ends(text: str) -> str:
    r"""Return the text with every kind of line end as ``\n``: also vertical tabs, form feeds and
    U+0085, the soft line breaks of word processors.
    """
    return _LINE_ENDS.sub("\n", text)


def normalize_line(text: str) -> str:
    """Return the text normalized, in one line, with single ASCII spaces between its words."""
    return normalize(" ".join(normalize(text).split()))


def normalize_key(text: str) -> str:
    """Return the stored form of a key: one line in lower case."""
    return normalize_line(text).lower()


def is_blank(text: str) -> bool:
    """Return whether nothing of the text would be visible."""
    return all(
        unicodedata.category(character) in {"Cc", "Cf", "Cs"} or _shows_nothing(character)
        for character in _visible(text)
    )


def identity_key(text: str) -> str:
    """Return a key that is equal for two texts exactly if they are the same name.

    This is Unicode's NFKC_Casefold over a line, with one apostrophe, one dash and one blank: "BÒ"
    and "bò" are equal, "O’Brien" and "O'Brien" and "E–mail" and "E-mail" too, "Bò" and "Bơ" are
    not. A Vietnamese tone may stand on either vowel, and ё is е: "Hóa" and "Hoá", "Пётр" and
    "Петр" are equal.
    """
    text = normalize_line(text).replace(_BLANK_PATTERN, " ")
    text = _without_ignorable(normalize_form("NFD", text)).translate(SAME_SIGNS).casefold()
    text = normalize_form("NFKC", normalize_form("NFKC", text).casefold()).translate(SAME_SIGNS)
    text = _with_tones_behind(text.replace("ё", "е"))
    return normalize_line(normalize_form("NFKC", _without_ignorable(text)))


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
        text = identity_key(_PUNYCODE.sub(lambda found: _shown_label(found[0]), text))
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


def normalize_email(address: str) -> str:
    """Return the normalized email address: lower case, the domain in its own script.

    ``Kim@XN--E1AFMKFD.example`` and ``kim@пример.example`` are one address. A label of the domain
    that the internet's rules refuse (☕) is in punycode, as browsers send it. An invalid address is
    returned normalized, for a validator to reject.
    """
    local, at, domain = normalize_line(address).rpartition("@")
    if not at:
        return domain.lower()
    return normalize_form("NFC", f"{local.lower()}@{_unicode_domain(domain)}")


def ascii_email(address: str) -> str:
    """Return the address with its domain in punycode (``xn--…``)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return the domain in punycode (``xn--…``), label by label; one that is no name unchanged."""
    if domain.isascii():
        return domain
    try:
        return ".".join(map(_ascii_label, _mapped_domain(domain).split(".")))
    except UnicodeError:
        return domain


def storable(text: str) -> str:
    """Return the text without NUL and lone surrogates, which no store takes."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def is_storable(text: str) -> bool:
    return storable(text) == text


def normalize_phone(number: str) -> str:
    """Return a phone number in one line with ASCII hyphens and digits: typesetters put others.

    An extension ("доб. 12", "máy lẻ 12", "#12") becomes "ext. 12".
    """
    # NFKC makes "No" of the sign.
    line = normalize_line(number).translate(_DASHES).replace("№", "#")
    line = normalize_line(normalize_form("NFKC", line))
    extension = EXTENSION.search(line)
    if extension is None or extension.end() < len(line):
        return line
    return f"{line[: extension.start()]} ext. {extension[1]}"


def normalize_password(password: str) -> str:
    """Return the password normalized for hashing (OpaqueString of RFC 8265).

    The same keys give the same password on every keyboard: composed, and with ASCII spaces. Nothing
    is trimmed, folded or removed.
    """
    spaced = (
        " " if unicodedata.category(character) == "Zs" else character
        for character in normalize_form("NFC", password)
    )
    return "".join(spaced)


def isolate(text: object) -> str:
    """Return user-supplied text so that it cannot change the direction of its sentence.

    Bidirectional controls are dropped, and text with right-to-left letters is enclosed in isolates.
    For plain text: emails, messages. In HTML the element ``bdi`` has the same effect
    (`crm/core/template_filters.py`).
    """
    bare = _BIDI_CONTROLS.sub("", str(text))
    if not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in bare):
        return bare
    return f"{_FIRST_STRONG_ISOLATE}{bare}{_POP_ISOLATE}"


def normalize_form(name: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """Return a text in a normal form of Unicode, in time linear in its length."""
    return unicodedata.normalize(name, in_order(text))


def in_order(text: str) -> str:
    """Return an equal text with long runs of combining marks in canonical order.

    Python's normalization is quadratic in the length of a run and holds the GIL: minutes for a
    character with a hundred thousand marks.
    """
    if len(text) <= _MAX_MARKS or text.isascii():
        return text
    for runs in _long_runs():
        text = runs.sub(_marks_in_order, text)
    return text


@cache
def _long_runs() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of runs of more combining marks than any script uses.

    The search for a pattern's first letter is hundreds of times faster in a set of letters of the
    basic plane, or in one range, than among all marks. So there are two: runs that start with a
    mark of that plane, and runs after a letter of another plane.
    """
    marks = [chr(code) for code in range(_FIRST_MARK, _LAST_MARK) if _is_mark(chr(code))]
    basic = "".join(mark for mark in marks if mark < _BEYOND_BASIC)
    rest = f"[{''.join(marks)}]{{{_MAX_MARKS},}}"
    return (
        re.compile(f"[{basic}]{rest}"),
        re.compile(f"[{_BEYOND_BASIC}-{chr(_LAST_MARK)}]{rest}"),
    )


def _is_mark(character: str) -> bool:
    """Return whether a character is a combining mark, or decomposes into such marks only."""
    # All of them are of these categories; to decompose the rest of Unicode would take much longer.
    if unicodedata.category(character) not in {"Mn", "Mc"}:
        return False
    return all(map(unicodedata.combining, unicodedata.normalize("NFD", character)))


def _marks_in_order(run: re.Match[str]) -> str:
    apart = "".join(unicodedata.normalize("NFD", mark) for mark in run[0])
    return "".join(sorted(apart, key=unicodedata.combining))


def _visible(text: str) -> str:
    text = _without_ignorable(text)
    return "".join(
        character for character in text if not character.isspace() and character not in _BLANKS
    )


def _shows_nothing(character: str) -> bool:
    """Return whether a character alone shows nothing: space, combining mark, unassigned code point.

    Unassigned code points reserved for pictographs count as visible: they may be newer emoji.
    """
    category = unicodedata.category(character)
    if category == "Cn":
        return not _PICTOGRAPHS.match(character)
    return category[0] in "MZ" or category == "Cf" or character in _AROUND


def _without_ignorable(text: str) -> str:
    return _FILLERS.sub("", _CONTEXTUAL.sub("", _REMOVED.sub("", text)))


def _without_stray_joiners(text: str) -> str:
    if not _CONTEXTUAL.search(text):
        return text
    kept: list[str] = []
    for position, character in enumerate(text):
        if _CONTEXTUAL.match(character):
            before = kept[-1] if kept else ""
            after = _CONTEXTUAL.sub("", text[position + 1 : position + 2])
            if not _belongs(character, before, after):
                continue
        kept.append(character)
    return "".join(kept)


def _belongs(character: str, before: str, after: str) -> bool:
    """Return whether a joiner, a variation selector or a tag is meaningful between
    these letters.
    """
    if not before or before in _BLANKS:
        return False
    if character in _JOINERS:
        if _JOINING.match(before):
            return character == "\u200d" or bool(_JOINING.match(after))
        return character == "\u200d" and _ends_pictograph(before) and _is_pictograph(after)
    if _FIRST_TAG <= character <= _CANCEL_TAG:
        # A tag is only ever kept behind a flag.
        return before == _BLACK_FLAG or _FIRST_TAG <= before <= _LAST_TAG
    if _JOINING.match(before) or _IDEOGRAPH.match(before):
        return True
    # One pictograph, ℹ, is a letter.
    return character in "\ufe0e\ufe0f" and (before in "0123456789#*\u2139" or _is_symbol(before))


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character)[0] in "SP" or unicodedata.category(character) == "Cn"


def _ends_pictograph(character: str) -> bool:
    return character in {"\ufe0f", _CANCEL_TAG} or _is_pictograph(character)


def _is_pictograph(character: str) -> bool:
    """Return whether an emoji may begin with this; unassigned ones may be new emoji."""
    return (
        character != ""
        and character not in _BLANKS
        and unicodedata.category(character) in {"So", "Sk", "Sm", "Cn"}
    )


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


def _mapped_domain(domain: str) -> str:
    """Return the domain as its characters are compared. Raise UnicodeError for what no name has."""
    return idna.uts46_remap(domain, std3_rules=False)


def _unicode_domain(domain: str) -> str:
    try:
        mapped = _mapped_domain(domain)
    except UnicodeError:
        return domain.lower()
    # The database and the rules of domains have another lower case of one script, Cherokee.
    return ".".join(map(_unicode_label, mapped.split("."))).lower()


def _unicode_label(label: str) -> str:
    try:
        return idna.ulabel(label)
    except UnicodeError:
        # Registered all the same, as ☕ and ab--cd are, or no name of the internet's, as `host_1`.
        return _ascii_label(label)


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _shown_label(label: str) -> str:
    """Return a label in its own script, also one that the rules of domains refuse."""
    try:
        shown = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return shown if _ascii_label(shown) == label else label
