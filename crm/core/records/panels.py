"""Panels: sections of a record's page that other apps register."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, QuerySet

from crm.core.permissions import WRITE, Principal
from crm.core.records.lists import count_capped
from crm.core.records.record import Record

# Rows of a panel.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Panel:
    """A section of the page of the record ``slug``, rendered with ``template``.

    ``context(reader, row)`` returns the context of the template, or None to omit the panel.
    Panels are ordered by ``rank``, lowest first.
    """

    slug: str
    key: str
    label: Any
    template: str
    context: Callable[[Any, Any], Mapping[str, Any] | None]
    rank: int = 50


@dataclass(frozen=True, slots=True)
class ShownPanel:
    key: str
    label: str
    template: str
    context: Mapping[str, Any]


_panels: dict[tuple[str, str], Panel] = {}


def register_panel(panel: Panel) -> None:
    _panels[panel.slug, panel.key] = panel


def panels_of(slug: str, reader: Principal, row: Model) -> list[ShownPanel]:
    """Return the panels of a record's page that the reader may see, in order."""
    found = sorted((each for each in _panels.values() if each.slug == slug), key=lambda p: p.rank)
    shown = []
    for panel in found:
        context = panel.context(reader, row)
        if context is not None:
            shown.append(ShownPanel(panel.key, str(panel.label), panel.template, context))
    return shown


def related_rows(
    reader: Principal,
    record: Record,
    rows: QuerySet[Any],
    refers: Mapping[str, Any],
    *,
    filled: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Return the context of a panel: the first rows that refer to the page's, where all are, and
    where one more is added.

    ``refers`` is the column with the id, ``filled`` what else the form of a new row begins with.
    """
    ((column, pk),) = refers.items()
    first = list(rows[: SHOWN + 1])
    address = urlencode({**refers, **(filled or {})})
    return {
        "rows": [(row, record.url_of(row)) for row in first[:SHOWN]],
        "total": count_capped(rows) if len(first) > SHOWN else None,
        "list_url": f"{record.list_url}?{urlencode({f'{column}__in': pk})}",
        "new_url": f"{record.new_url}?{address}" if reader.may(record.area, WRITE) else "",
    }
