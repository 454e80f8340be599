"""Panels: sections of a record's page that other apps register."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from crm.core.permissions import Principal


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
