"""Strict JSON parsing, shared by the API and the sockets."""

import json
import math
from typing import Any

# Deep enough for whatever somebody means; far below what would exhaust the interpreter's stack.
MAX_DEPTH = 32


class NotJson(ValueError):
    """The text is not JSON, or JSON that parsers interpret differently."""


def read_json(text: str | bytes) -> Any:
    """Parse a JSON text in UTF-8. Raise NotJson with a user-readable message.

    Rejected as well: NaN and infinities, duplicate names in an object, and more than MAX_DEPTH
    levels.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("It is not encoded in UTF-8.") from None
    try:
        value = json.loads(
            decoded,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg}, at character {error.pos}.") from None
    except NotJson:
        raise
    except ValueError:
        # An integer of more digits than Python reads.
        raise NotJson("It holds a number that is too long.") from None
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson("An object has the same name twice.")
    return members


def _no_constant(name: str) -> None:
    raise NotJson(f"{name} is not a number of JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotJson("It holds a number that is too large.")
    return number


def _too_deep() -> NotJson:
    return NotJson(f"It is nested deeper than {MAX_DEPTH} levels.")


def _check_depth(value: Any) -> None:
    level = [value]
    for _depth in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise _too_deep()
