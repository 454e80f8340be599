"""The timeline of a row: what happened to it, newest first, from sources that apps register.

A source reads its own store, a page at a time; entries of all sources are merged by their time. A
record with ``has_timeline`` shows it on its page, and the API lists the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from crm.core.api.cursors import CursorInvalid, decode_cursor, encode_cursor
from crm.core.errors import Invalid
from crm.core.models import Note
from crm.core.permissions import Principal
from crm.core.records.record import Record

PAGE_SIZE = 20


class TimelineKindInvalid(Invalid):
    code = "timeline_kind_invalid"
    message = gettext_noop("The timeline has no entries of this kind. Choose another one.")


@dataclass(frozen=True, slots=True)
class Change:
    """A field that was changed, in words; None where the value may not be shown or was erased."""

    field: str
    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What happened once. ``kind`` is the key of its source, ``id`` is unique within it.

    ``actor`` is a name, ``title`` says what was done, in the active language, and ``url`` leads to
    more.
    """

    kind: str
    id: UUID
    at: datetime
    title: str
    icon: str
    actor: str = ""
    text: str = ""
    url: str = ""
    changes: Sequence[Change] = ()
    note: Note | None = None

    @property
    def place(self) -> "Place":
        return Place(self.at, self.kind, self.id)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a timeline: its entries are sorted by time, kind and id."""

    at: datetime
    kind: str
    id: UUID

    def before(self, kind: str, *, at: str, key: str) -> Q:
        """Return the condition of the rows of a source that stand behind this place.

        ``at`` and ``key`` are the columns with the time and the id.
        """
        if kind > self.kind:
            return Q(**{f"{at}__lt": self.at})
        behind = Q(**{f"{at}__lte": self.at})
        if kind == self.kind:
            behind &= ~Q(**{at: self.at, f"{key}__gte": self.id})
        return behind


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source is asked for: at most ``limit`` entries of a row, behind a place.

    The reader may see the row; whether they may see an entry, the source decides.
    """

    reader: Principal
    record: Record
    row: Any
    after: Place | None
    limit: int

    def newest(self, rows: QuerySet[Any], kind: str, *, at: str, key: str = "pk") -> list[Any]:
        """Return the asked page of a queryset, sorted as a timeline."""
        if self.after:
            rows = rows.filter(self.after.before(kind, at=at, key=key))
        return list(rows.order_by(f"-{at}", f"-{key}")[: self.limit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of entries; ``slugs`` are the records that have them, none for all."""

    key: str
    label: Any
    read: Callable[[Asked], list[Entry]]
    slugs: tuple[str, ...] = ()
    rank: int = 50


@dataclass(frozen=True, slots=True)
class TimelinePage:
    entries: list[Entry]
    next_cursor: str | None


_sources: dict[str, Source] = {}


def register_source(source: Source) -> Source:
    _sources[source.key] = source
    return source


def sources_of(record: Record) -> list[Source]:
    """Return the sources of a record's timeline, in the order of their ranks."""
    found = [each for each in _sources.values() if not each.slugs or record.slug in each.slugs]
    return sorted(found, key=lambda each: (each.rank, each.key))


def timeline(
    reader: Principal,
    record: Record,
    row: Any,
    *,
    kind: str = "",
    cursor: str | None = "",
    limit: int = PAGE_SIZE,
) -> TimelinePage:
    """Return a page of the timeline of a row that the reader may see, of one kind or of all.

    Raise TimelineKindInvalid or CursorInvalid.
    """
    sources = [each for each in sources_of(record) if kind in {"", each.key}]
    if not sources:
        raise TimelineKindInvalid(extra={"allowed": [each.key for each in sources_of(record)]})
    scope = f"timeline:{row.pk}:{kind}"
    asked = Asked(reader, record, row, _place(scope, cursor), limit + 1)
    entries = [entry for source in sources for entry in source.read(asked)]
    entries.sort(key=lambda entry: entry.place, reverse=True)
    if len(entries) <= limit:
        return TimelinePage(entries, None)
    last = entries[limit - 1].place
    return TimelinePage(entries[:limit], encode_cursor(scope, [last.at, last.kind, last.id]))


def _place(scope: str, cursor: str | None) -> Place | None:
    if not cursor:
        return None
    values = decode_cursor(scope, cursor)
    if len(values) != 3:
        raise CursorInvalid
    return Place(*values)
