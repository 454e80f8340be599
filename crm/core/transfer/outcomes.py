"""What became of the rows of a file, one by one and in counts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from crm.core.errors import AppError
from crm.core.permissions import Principal
from crm.core.records import Record
from crm.core.records.choice_fields import hidden
from crm.core.records.stored_values import StoredValues

CREATED, UPDATED, UNCHANGED, FAULTY = "created", "updated", "unchanged", "faulty"
EXAMPLES = 5
FAULTS_SHOWN = 50
# Letters of a value, and of a sentence, that a page shows; more are not stored for it.
MAX_SHOWN_LENGTH = 120
_MAX_ERROR_LENGTH = 500

Row = tuple[int, list[str]]
# The id and the version of the record that a look-up found, None without one.
Sight = list[Any] | None


@dataclass(slots=True)
class Outcome:
    """What became, or would become, of a row.

    ``values`` are those of the cells that are not blank. ``sight`` is what the look-up found.
    ``before`` are the values that an update changed, ``follows`` those that followed. ``words`` are
    the values before and after for people, of the first new rows too; of a related row before
    {"field": name, "id": its id}.
    ``added`` are the ids of related rows that it added, by field. ``errors`` are pairs of a field's
    name, "" for the whole row, and a sentence.
    """

    number: int
    cells: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    sight: Sight = None
    row: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    follows: dict[str, Any] = field(default_factory=dict)
    words: dict[str, tuple[Any, str]] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, name: str, text: str) -> None:
        self.kind = FAULTY
        self.errors.append((name, text))

    def refuse_by(self, error: AppError) -> None:
        """Refuse the row with what a service says of it, or of each of its fields."""
        of_fields = error.extra.get("errors", {})
        for name, texts in of_fields.items():
            self.refuse(name, " ".join(map(str, texts)))
        if not of_fields:
            self.refuse(str(error.extra.get("field", "")), error.message)


@dataclass(slots=True)
class Report:
    """Counts of outcomes, the first ones of each, and the last one behind them with letters beyond
    ASCII; JSON by ``asdict``.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    faulty: int = 0
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, record: Record, outcome: Outcome) -> None:
        setattr(self, outcome.kind, getattr(self, outcome.kind) + 1)
        shown = self.examples.setdefault(outcome.kind, [])
        most = FAULTS_SHOWN if outcome.kind == FAULTY else EXAMPLES
        if len(shown) < most:
            shown.append(_example(record, outcome))
        elif not all(cell.isascii() for cell in outcome.cells):
            shown[most:] = [_example(record, outcome)]

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged + self.faulty

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def _example(record: Record, outcome: Outcome) -> dict[str, Any]:
    example: dict[str, Any] = {"number": outcome.number}
    if outcome.kind == FAULTY:
        errors = [
            [heading, shown(text, _MAX_ERROR_LENGTH)]
            for heading, text in errors_of(record, outcome)
        ]
        return example | {"cells": _first_cells(outcome.cells), "errors": errors}
    example["title"] = shown(record.title_of(outcome.row)) if outcome.row is not None else ""
    if outcome.kind in {CREATED, UPDATED}:
        example["changes"] = [
            [_heading(record, name), _shown_before(before), shown(after)]
            for name, (before, after) in outcome.words.items()
        ]
    return example


def _shown_before(value: Any) -> Any:
    return shown(value) if isinstance(value, str) else value


def report_for(reader: Principal, record: Record, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored report; related rows that the reader may not see are not named in it."""
    if not stored:
        return {}
    examples = stored["examples"]
    befores = [
        change[1]
        for rows in examples.values()
        for each in rows
        for change in each.get("changes", ())
        if isinstance(change[1], dict)
    ]
    fields = {before["field"]: record.field(before["field"]) for before in befores}
    pairs = ((fields[before["field"]], before["id"]) for before in befores)
    words = StoredValues(reader, [(found, pk) for found, pk in pairs if found is not None])

    def name(before: Any) -> str:
        if not isinstance(before, dict):
            return str(before)
        found = fields[before["field"]]
        text = words.shown(found, before["id"]) if found is not None else None
        return hidden() if text is None else shown(text)

    return {
        **stored,
        "examples": {
            kind: [
                {
                    **each,
                    "changes": [
                        [heading, name(before), after]
                        for heading, before, after in each.get("changes", ())
                    ],
                }
                for each in rows
            ]
            for kind, rows in examples.items()
        },
    }


def shown(text: str, longest: int = MAX_SHOWN_LENGTH) -> str:
    """Return a text of a file as a page shows it, cut to its beginning."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _first_cells(cells: Sequence[str]) -> list[str]:
    """Return the cells that a line shows, without empty ones, the last one cut."""
    first, room = [], MAX_SHOWN_LENGTH
    for cell in filter(None, cells):
        if room <= 0:
            break
        first.append(shown(cell, room))
        # With what stands between two of them.
        room -= len(cell) + len(" · ")
    return first


def errors_of(record: Record, outcome: Outcome) -> list[list[str]]:
    """Return the pairs of a field's heading and a sentence."""
    return [[_heading(record, name), text] for name, text in outcome.errors]


def _heading(record: Record, name: str) -> str:
    found = record.field(name)
    return found.heading if found else ""
