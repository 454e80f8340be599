"""Lists of records: the state that a query string describes, and the page of rows it selects."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_noop

from crm.core.api.lists import Page, keyset_page
from crm.core.errors import Invalid
from crm.core.permissions import Principal
from crm.core.records.conditions import WHERE, Group, parse_json, parse_parameters, query_string
from crm.core.records.fields import Field
from crm.core.records.record import Record
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.text.normalization import normalize_line, storable

PAGE_SIZE = 50
# Totals are exact up to this number; an exact count takes time in proportion to the rows.
MAX_COUNTED = 1_000
# Up to this many matches of a search are looked up first and then sorted. With more, a scan of the
# order's index finds a page of matches soon.
MAX_SORTED = 2_000
SEARCH, SORT, COLUMNS, CURSOR, VIEW = "q", "sort", "columns", "cursor", "view"


NO_FILTER = Group()
EVERYTHING = Q()


class SortInvalid(Invalid):
    code = "sort_invalid"
    message = gettext_noop("The list cannot be sorted by this. Choose one of its columns.")


class ColumnsInvalid(Invalid):
    code = "columns_invalid"
    message = gettext_noop("The list has no such column. Choose others.")


@dataclass(frozen=True, slots=True)
class Total:
    """A count; ``is_capped`` if there are more than MAX_COUNTED."""

    count: int
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class ListState:
    """The filter, search, order and columns of a list.

    ``view`` is the key of the view it is based on; URLs contain only what differs from that view.
    """

    record: Record
    where: Group = NO_FILTER
    search: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    view: str = ""

    @classmethod
    def from_parameters(
        cls, record: Record, given: QueryDict, base: "ListState | None" = None
    ) -> "ListState":
        """Parse the parameters of a URL; what they do not name is taken from ``base``.

        Raise FilterInvalid, SortInvalid or ColumnsInvalid.
        """
        base = base or cls(record)
        where = parse_parameters(record, given)
        columns = ",".join(given.getlist(COLUMNS))
        return cls(
            record,
            where=where if where or "all" in given or given.get(WHERE) else base.where,
            search=_cut(given.get(SEARCH, "")) if SEARCH in given else base.search,
            sort=validated_sort(record, given.get(SORT) or base.sort),
            columns=validated_columns(record, columns.split(",")) if columns else base.columns,
            view=base.view,
        )

    @classmethod
    def from_stored(cls, record: Record, stored: Mapping[str, Any], view: str) -> "ListState":
        """Parse the state of a saved view; parts that are no longer valid get their defaults."""
        readers: Mapping[str, Callable[[Any], Any]] = {
            "where": lambda value: parse_json(record, value),
            "search": lambda value: _cut(str(value)),
            "sort": lambda value: validated_sort(record, str(value)),
            "columns": lambda value: validated_columns(record, list(value)),
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
    def order(self) -> tuple[str, str]:
        """Return the columns by which the rows are sorted, that of the tie-break last."""
        field = self.record.field(self.sort_field)
        assert field is not None  # noqa: S101  checked when the state was read
        sign = "-" if self.is_descending else ""
        return f"{sign}{field.orders_by}", f"{sign}pk"

    @property
    def shown_columns(self) -> list[Field]:
        names = self.columns or self.record.columns
        return [field for name in names if (field := self.record.field(name))]

    def url(self, base: "ListState | None" = None, **changes: Any) -> str:
        """Return the query string of this state with changes; without ``base``, in full."""
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
        return query_string(parameters) if parameters else "?"

    def rows(self, reader: Principal) -> QuerySet[Any]:
        """Return the rows, unordered."""
        found = self.record.visible_to(reader).filter(self.where.q(reader))
        return self.record.search(found, self.search) if self.search else found

    def page(self, reader: Principal, cursor: str = "", limit: int | None = None) -> Page[Any]:
        """Return one page of at most ``limit`` (default PAGE_SIZE) rows. Raise CursorInvalid."""
        rows = self.rows(reader)
        if self.search:
            rows = found_first(rows, within=self.record.visible_to(reader))
        return keyset_page(
            rows,
            ordering=self.order[0],
            scope=f"{self.record.slug}:{self.effective_sort}",
            cursor=cursor,
            limit=limit or PAGE_SIZE,
        )

    def total(self, reader: Principal, within: Q = EVERYTHING) -> Total:
        return count_capped(self.rows(reader).filter(within))


def exact_state(record: Record, stored: Mapping[str, Any]) -> ListState:
    """Parse a stored state strictly, unlike `ListState.from_stored`.

    Raise FilterInvalid, SortInvalid or ColumnsInvalid.
    """
    return ListState(
        record,
        where=parse_json(record, stored.get("where")),
        search=_cut(str(stored.get("search", ""))),
        sort=validated_sort(record, str(stored.get("sort", ""))),
        columns=validated_columns(record, map(str, stored.get("columns", ()))),
    )


def found_first(found: QuerySet[Any], *, within: QuerySet[Any]) -> QuerySet[Any]:
    """Look up the ids of at most MAX_SORTED matches first, and select from ``within`` by them.

    The planner otherwise scans the order's index and filters each row: with all matches at its far
    end it reads the whole table. With more matches that scan is fast, so ``found`` is returned.
    """
    ids = list(found.order_by().values_list("pk", flat=True)[: MAX_SORTED + 1])
    return within.filter(pk__in=ids) if len(ids) <= MAX_SORTED else found


def count_capped(rows: QuerySet[Any], most: int = MAX_COUNTED) -> Total:
    count = rows.order_by().values("pk")[: most + 1].count()
    return Total(min(count, most), is_capped=count > most)


def _cut(text: str) -> str:
    return storable(normalize_line(text))[:MAX_SEARCH_LENGTH]


def validated_sort(record: Record, sort: str) -> str:
    """Return ``sort`` if its column is sortable or it is empty. Raise SortInvalid."""
    field = record.field(sort.removeprefix("-"))
    if sort and (field is None or not field.is_sortable):
        allowed = [each.name for each in record.fields if each.is_sortable]
        raise SortInvalid(extra={"allowed": allowed})
    return sort


def validated_columns(record: Record, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns without duplicates, the title's first. Raise ColumnsInvalid."""
    chosen = dict.fromkeys(names)
    if not chosen or any(record.field(name) is None for name in chosen):
        raise ColumnsInvalid(extra={"allowed": [each.name for each in record.fields]})
    return tuple({record.columns[0]: None} | chosen)
