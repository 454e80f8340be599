"""Ranks: texts that order cards of a column, with room for another one between any two.

They are compared byte by byte (collation "C"), hold digits and ASCII letters, and never end with
"0": between "a" and "a0" there would be no room.
"""

import secrets
import time

RANK_LENGTH = 60
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(_DIGITS)
_PLACES = 10


def new_rank(ahead: int = 0) -> str:
    """Return a rank that stands before those that were made earlier: what is new is on top.

    It is the one that will be made in ``ahead`` seconds.
    """
    number = _BASE**_PLACES - 1 - time.time_ns() // 1_000 - ahead * 1_000_000
    text = ""
    for _place in range(_PLACES):
        number, digit = divmod(number, _BASE)
        text = _DIGITS[digit] + text
    return text + _not_zero()


def top_rank(below: str | None) -> str:
    """Return a rank before ``below``, the first one: as of something new, so that what is made
    later stands before it.
    """
    # Another machine's clock may go before this one's.
    for ahead in (0, 1, 60, 3_600):
        rank = new_rank(ahead)
        if below is None or rank < below:
            return rank
    return rank_between("", below)


def rank_between(above: str, below: str | None) -> str:
    """Return a rank after ``above`` ("": from the top) and before ``below`` (None: to the end).

    Two that are made at the same time of the same ranks differ, nearly always. Raise ValueError
    unless ``above`` stands before ``below``.
    """
    if below is not None and above >= below:
        raise ValueError(f"{above!r} does not stand before {below!r}.")
    made, place = "", 0
    while True:
        low = _DIGITS.index(above[place]) if place < len(above) else 0
        high = _DIGITS.index(below[place]) if below is not None else _BASE
        middle = (low + high) // 2
        if middle > low:
            return made + _DIGITS[middle] + _not_zero()
        made += _DIGITS[low]
        if high > low:
            # Next to each other: whatever follows the upper one's digit is before the lower one.
            below = None
        place += 1


def spread_ranks(count: int) -> list[str]:
    """Return ranks in order, with equal room between them."""
    width, step = 1, _BASE
    while step < 2 * (count + 1):
        width, step = width + 1, step * _BASE
    ranks = []
    for number in range(1, count + 1):
        value, text = number * step // (count + 1), ""
        for _place in range(width):
            value, digit = divmod(value, _BASE)
            text = _DIGITS[digit] + text
        ranks.append(text + _not_zero())
    return ranks


def _not_zero() -> str:
    return _DIGITS[1 + secrets.randbelow(_BASE - 1)]
