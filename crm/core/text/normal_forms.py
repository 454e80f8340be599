"""Normal forms of Unicode, in linear time."""

import re
import unicodedata
from functools import cache
from typing import Literal

# More marks on one letter than any script has (the bound of UAX #15 for safe streams).
_MAX_MARKS = 30
_FIRST_MARK, _LAST_MARK = 0x0300, 0x1EFFF
_BEYOND_BASIC = "\U00010000"


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
