"""Parsing of a JSON object by field; unread fields are rejected."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from config.engines.qdrant.refusals import Refused, bad_request, not_supported

Read = TypeVar("Read")
_LARGEST = 3.4028234663852886e38  # what a 32-bit float can hold


class Fields:
    """One JSON object of a request; a field that is null counts as absent, as in Qdrant."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise bad_request(f"{where} must be an object.")
        self._left = {key: entry for key, entry in value.items() if entry is not None}
        self.where = where

    def has(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, read: Callable[[Any, str], Read]) -> Read | None:
        """Read an optional field; None when it is absent."""
        if name not in self._left:
            return None
        return read(self._left.pop(name), f"{self.where}.{name}")

    def need(self, name: str, read: Callable[[Any, str], Read]) -> Read:
        """Read a required field."""
        if name not in self._left:
            raise bad_request(f"{self.where}.{name} is missing.")
        return read(self._left.pop(name), f"{self.where}.{name}")

    def refuse(self, *names: str) -> None:
        """Raise for fields that a full Qdrant supports and this one does not."""
        for name in names:
            if name in self._left:
                raise not_supported(f"`{name}` in {self.where}")

    def done(self) -> None:
        """Raise for fields that were not read: ignoring one would return a wrong result."""
        if self._left:
            raise bad_request(f"{self.where} holds the unknown field `{min(self._left)}`.")


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{where} must be a string.")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise bad_request(f"{where} must be true or false.")
    return value


def whole(value: Any, where: str) -> int:
    """Read a number without sign or fraction."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise bad_request(f"{where} must be a whole number of 0 or more.")
    return value


def positive(value: Any, where: str) -> int:
    if whole(value, where) == 0:
        raise bad_request(f"{where} must be at least 1.")
    return int(value)


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise bad_request(f"{where} must be a finite number.")
    return float(value)


def one_of(*allowed: str) -> Callable[[Any, str], str]:
    def read(value: Any, where: str) -> str:
        if value not in allowed:
            raise bad_request(f"{where} must be one of {', '.join(allowed)}.")
        return str(value)

    return read


def items(read: Callable[[Any, str], Read]) -> Callable[[Any, str], list[Read]]:
    def read_all(value: Any, where: str) -> list[Read]:
        if not isinstance(value, list):
            raise bad_request(f"{where} must be a list.")
        return [read(entry, f"{where}[{index}]") for index, entry in enumerate(value)]

    return read_all


def one_or_more(read: Callable[[Any, str], Read]) -> Callable[[Any, str], list[Read]]:
    """Read a list, or a single entry that stands for a list of one."""
    read_all = items(read)

    def read_some(value: Any, where: str) -> list[Read]:
        return read_all(value, where) if isinstance(value, list) else [read(value, where)]

    return read_some


def mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad_request(f"{where} must be an object.")
    return value


def floats(value: Any, where: str) -> list[float]:
    """Read numbers that fit 32 bits."""
    if not isinstance(value, list) or not value or not set(map(type, value)) <= {float, int}:
        raise bad_request(f"{where} must be a list of numbers.")
    # Numbers as JSON has them: infinite (1e999) they can be, NaN was refused while parsing.
    if min(value) < -_LARGEST or max(value) > _LARGEST:
        raise bad_request(f"{where} holds a number that is not finite or too large.")
    return value


def built(make: Callable[..., Read], *args: Any, where: str, **kwargs: Any) -> Read:
    """Return a value of the core; raise a bad request for arguments that it rejects."""
    try:
        return make(*args, **kwargs)
    except (OverflowError, TypeError, ValueError) as reason:
        first_line = (str(reason).splitlines() or [""])[0]
        raise bad_request(f"{where}: {first_line}.") from reason


def refused_by_core(reason: BaseException) -> Refused:
    """Translate an error of the core, a bare exception with a message."""
    sentence = str(reason)
    lowered = sentence.lower()
    if "no point with id" in lowered:
        return Refused(404, f"Not found: {sentence}")
    if "no space left" in lowered:
        return Refused(507, "The disk that holds the vectors is full. Free some space.")
    if lowered.startswith("service ") or "io error" in lowered or "panic" in lowered:
        return Refused(500, sentence)
    return bad_request(sentence)
