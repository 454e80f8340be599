"""Lists of records: the state that an address describes, and the page of rows that it selects."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_noop

from crm.core.api.lists import Page, keyset_page
from crm.core.errors import Invalid
from crm.core.permissions import Principal
from crm.core.records.conditions import WHERE, Group, address, parse_json, parse_parameters
from crm.core.records.fields import Field
from crm.core.records.record import Record
from crm.core.text.normalization import LONGEST_SEARCH, normalize_line, storable

PAGE_SIZE = 50
# Up to here a total is exact; counting on would take longer with every row.
MOST_COUNTED = 1_000
# Matches of a search up to here are sorted after they were found; of more, the order's index
# meets some soon.
MOST_SORTED = 2_000
SEARCH, SORT, COLUMNS, CURSOR, VIEW = "q", "sort", "columns", "cursor", "view"


EVERYTHING = Group()


class SortInvalid(Invalid):
    code = "sort_invalid"
    message = gettext_noop("The list cannot be sorted by this. Choose one of its columns.")


class ColumnsInvalid(Invalid):
    code = "columns_invalid"
    message = gettext_noop("The list has no such column. Choose others.")


@dataclass(frozen=True, slots=True)
class Total:
    """A count; ``is_capped`` if there are more than MOST_COUNTED."""

    count: int
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class ListState:
    """Which rows of a record are listed, in which order, with which columns.

    ``view`` is the key of the view that it began from; an address holds what differs from it.
    """

    record: Record
    where: Group = EVERYTHING
    search: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    view: str = ""

    @classmethod
    def from_parameters(
        cls, record: Record, given: QueryDict, base: "ListState | None" = None
    ) -> "ListState":
        """Return the state of an address; what it does not name is as in ``base``.

        Raise FilterInvalid, SortInvalid or ColumnsInvalid.
        """
        base = base or cls(record)
        where = parse_parameters(record, given)
        columns = ",".join(given.getlist(COLUMNS))
        return cls(
            record,
            where=where if where or "all" in given or given.get(WHERE) else base.where,
            search=_cut(given.get(SEARCH, "")) if SEARCH in given else base.search,
            sort=checked_sort(record, given.get(SORT) or base.sort),
            columns=checked_columns(record, columns.split(",")) if columns else base.columns,
            view=base.view,
        )

    @classmethod
    def from_stored(cls, record: Record, stored: Mapping[str, Any], view: str) -> "ListState":
        """Return the state of a saved view; parts that are no longer valid are left out."""
        readers: Mapping[str, Callable[[Any], Any]] = {
            "where": lambda value: parse_json(record, value),
            "search": lambda value: _cut(str(value)),
            "sort": lambda value: checked_sort(record, str(value)),
            "columns": lambda value: checked_columns(record, list(value)),
        }
        parts: dict[str, Any] = {}
        for name, read in readers.items():
            with suppress(KeyError, TypeError, Invalid):
                parts[name] = read(stored[name])
        return cls(record, view=view, **parts)

    def stored(self) -> dict[str, Any]:
        """Return the state as JSON for a saved view."""
        return {
            "where": self.where.as_json(),
            "search": self.search,
            "sort": self.effective_sort,
            "columns": [field.name for field in self.shown_columns],
        }

    @property
    def effective_sort(self) -> str:
        return self.sort or self.record.order

    @property
    def sort_field(self) -> str:
        return self.effective_sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.effective_sort.startswith("-")

    @property
    def shown_columns(self) -> list[Field]:
        names = self.columns or self.record.columns
        return [field for name in names if (field := self.record.field(name))]

    def url(self, base: "ListState | None" = None, **changes: Any) -> str:
        """Return the address of this state with changes, relative to the list's."""
        state = replace(self, **changes)
        origin = base or ListState(self.record)
        parameters: list[tuple[str, str]] = []
        if state.view:
            parameters.append((VIEW, state.view))
        if state.where != origin.where:
            parameters += state.where.parameters() or [("all", "true")]
        if state.search != origin.search:
            parameters.append((SEARCH, state.search))
        if state.sort and state.sort != origin.sort:
            parameters.append((SORT, state.sort))
        if state.columns and state.columns != origin.columns:
            parameters.append((COLUMNS, ",".join(state.columns)))
        return address(parameters) if parameters else "?"

    def rows(self, reader: Principal) -> QuerySet[Any]:
        """Return the rows, unordered."""
        found = self.record.visible_to(reader).filter(self.where.q())
        return self.record.search(found, self.search) if self.search else found

    def page(self, reader: Principal, cursor: str = "", limit: int | None = None) -> Page[Any]:
        """Return one page, of PAGE_SIZE rows unless told otherwise. Raise CursorInvalid."""
        rows = self.rows(reader)
        if self.search:
            rows = found_first(rows, within=self.record.visible_to(reader))
        field = self.record.field(self.sort_field)
        assert field is not None  # noqa: S101  checked when the state was read
        sign = "-" if self.is_descending else ""
        return keyset_page(
            rows,
            ordering=f"{sign}{field.orders_by}",
            scope=f"{self.record.slug}:{self.effective_sort}",
            cursor=cursor,
            limit=limit or PAGE_SIZE,
        )

    def total(self, reader: Principal) -> Total:
        return count_up_to(self.rows(reader))


def exact_state(record: Record, stored: Mapping[str, Any]) -> ListState:
    """Return a stored state of a list. Unlike a saved view's, it has no part that is left out:
    raise FilterInvalid, SortInvalid or ColumnsInvalid.
    """
    return ListState(
        record,
        where=parse_json(record, stored.get("where")),
        search=_cut(str(stored.get("search", ""))),
        sort=checked_sort(record, str(stored.get("sort", ""))),
        columns=checked_columns(record, map(str, stored.get("columns", ()))),
    )


def found_first(found: QuerySet[Any], *, within: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of a search with their ids looked up first, so that sorting them is cheap.

    The planner otherwise follows the order's index and asks each row whether it matches: with all
    matches at its far end it reads the table. Beyond MOST_SORTED matches it meets some soon.
    """
    ids = list(found.order_by().values_list("pk", flat=True)[: MOST_SORTED + 1])
    return within.filter(pk__in=ids) if len(ids) <= MOST_SORTED else found


def count_up_to(rows: QuerySet[Any], most: int = MOST_COUNTED) -> Total:
    count = rows.order_by().values("pk")[: most + 1].count()
    return Total(min(count, most), is_capped=count > most)


def _cut(text: str) -> str:
    return storable(normalize_line(text))[:LONGEST_SEARCH]


def checked_sort(record: Record, sort: str) -> str:
    """Return an order that the record has. Raise SortInvalid."""
    field = record.field(sort.removeprefix("-"))
    if sort and (field is None or not field.is_sortable):
        allowed = [each.name for each in record.fields if each.is_sortable]
        raise SortInvalid(extra={"allowed": allowed})
    return sort


def checked_columns(record: Record, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns, each once and the one that names the row first. Raise ColumnsInvalid."""
    chosen = dict.fromkeys(names)
    if not chosen or any(record.field(name) is None for name in chosen):
        raise ColumnsInvalid(extra={"allowed": [each.name for each in record.fields]})
    return tuple({record.columns[0]: None} | chosen)
