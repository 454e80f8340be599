"""`GET /api/v1/streams/{stream}/events`: parameters and response."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.managers.messages import READ_LIMIT
from chat.participants import Viewer
from chat.replay import read_after, read_before
from crm.core.errors import InvalidField
from crm.core.fields import whole_number

LONGEST_WAIT = 25.0
_KNOWN = frozenset({"epoch", "after", "before", "limit", "wait"})


@dataclass(frozen=True, slots=True)
class EventsQuery:
    """``wait`` is the maximum waiting time in seconds; it excludes ``before``."""

    epoch: str | None
    after: int
    before: int | None
    limit: int
    wait: float


def parse_query(query: Mapping[str, str]) -> EventsQuery:
    for name in query:
        if name not in _KNOWN:
            raise InvalidField(
                "There is no such parameter. Use epoch, after, before, limit and wait.",
                extra={"field": name[:64]},
            )
    before = _number(query, "before", None)
    if before is not None and ("after" in query or "wait" in query):
        raise InvalidField(
            "Use before alone: it reads backwards and waits for nothing.",
            extra={"field": "before"},
        )
    limit = _number(query, "limit", READ_LIMIT) or 0
    if not 1 <= limit <= READ_LIMIT:
        raise InvalidField(f"limit is a number from 1 to {READ_LIMIT}.", extra={"field": "limit"})
    return EventsQuery(
        epoch=query.get("epoch") or None,
        after=_number(query, "after", 0) or 0,
        before=before,
        limit=limit,
        wait=min(float(_number(query, "wait", 0) or 0), LONGEST_WAIT),
    )


def answer(viewer: Viewer, *, stream: str, query: EventsQuery) -> dict[str, Any]:
    """Return one page of a stream.

    The members are those of ``stream.resumed`` and ``last_seq``, the end of the log: a client
    continues from ``to`` until it reaches that.
    """
    if query.before is not None:
        stretch = read_before(viewer, stream=stream, before=query.before, limit=query.limit)
    else:
        stretch = read_after(
            viewer, stream=stream, epoch=query.epoch, after=query.after, limit=query.limit
        )
    return stretch.members() | {"last_seq": stretch.last_seq}


def _number(query: Mapping[str, str], name: str, default: int | None) -> int | None:
    value = query.get(name)
    if value is None:
        return default
    number = whole_number(value)
    if number is None:
        raise InvalidField(
            f"{name} must be a whole number, in plain digits.", extra={"field": name}
        )
    return number
