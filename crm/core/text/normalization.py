"""Normalization of user-supplied text for storing and displaying.

- ``is_too_long``: whether a text is refused before the work of normalizing it.
- ``normalize`` and ``normalize_line``: for storing. Canonical composition (NFC), no invisible
  characters, no bidirectional controls, trimmed.
- ``normalize_key``: a key, such as ``returns`` of an FAQ.
- ``is_blank``: whether nothing is visible.
- ``normalize_password``: a password for hashing.
- ``isolate``: user-supplied text that cannot change the direction of its sentence.
"""

import re
import unicodedata

from crm.core.text.normal_forms import normalize_form

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
# Scripts whose letters change by a joiner or a variation selector: Arabic to Sinhala, Tibetan,
# Myanmar, Khmer, Mongolian, Phags-pa.
_JOINING = re.compile("[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua87f]")
_IDEOGRAPH = re.compile("[\u3000-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_PICTOGRAPHS = re.compile("[\U0001f000-\U0001faff\U0001fc00-\U0001fffd]")
_BLACK_FLAG = "\U0001f3f4"
_FIRST_TAG, _LAST_TAG, _CANCEL_TAG = "\U000e0020", "\U000e007e", "\U000e007f"
_MAX_PASSES = 3
# Normalizing shortens what somebody typed, but never to a fraction.
_MAX_LENGTH_FACTOR = 4
# Of a text whose field names no length.
DEFAULT_MAX_LENGTH = 10_000
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


def storable(text: str) -> str:
    """Return the text without NUL and lone surrogates, which no store takes."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def is_storable(text: str) -> bool:
    return storable(text) == text


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


def _visible(text: str) -> str:
    text = without_ignorable(text)
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


def without_ignorable(text: str) -> str:
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
