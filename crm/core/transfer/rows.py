"""What becomes of the rows of a file: each is checked like a form, then stored by the services."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EMPTY_VALUES
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core import quotas
from crm.core.errors import AppError
from crm.core.forms import Form
from crm.core.permissions import Principal
from crm.core.quotas import QuotaExceeded
from crm.core.records import Record
from crm.core.store_errors import collision_of
from crm.core.transfer.mapping import CellReader, fields_of
from crm.core.transfer.models import ImportMode

CREATED, UPDATED, UNCHANGED, FAULTY = "created", "updated", "unchanged", "faulty"
EXAMPLES = 5
FAULTS_SHOWN = 50
# Letters of a cell that a report shows.
LONGEST_SHOWN = 120

Row = tuple[int, list[str]]
# The id and the version of the record that a look-up found, None without one.
Sight = list[Any] | None
# By key: the row in which it stood first, and what the look-up found.
Keys = Mapping[str, tuple[int, Sight]]


@dataclass(slots=True)
class Outcome:
    """What became, or would become, of a row.

    ``values`` are those of the cells that are not blank. ``sight`` is what the look-up found.
    ``before`` are the values that an update changed. ``errors`` are pairs of a field's name, ""
    for the whole row, and a sentence.
    """

    number: int
    cells: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    sight: Sight = None
    row: Any = None
    before: dict[str, Any] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, name: str, text: str) -> None:
        self.kind = FAULTY
        self.errors.append((name, text))


@dataclass(slots=True)
class Report:
    """Counts of outcomes, and the first ones of each; JSON by ``asdict``."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    faulty: int = 0
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, record: Record, outcome: Outcome) -> None:
        setattr(self, outcome.kind, getattr(self, outcome.kind) + 1)
        shown = self.examples.setdefault(outcome.kind, [])
        if len(shown) < (FAULTS_SHOWN if outcome.kind == FAULTY else EXAMPLES):
            shown.append(_example(record, outcome))

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged + self.faulty

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def _example(record: Record, outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"number": outcome.number}
    if outcome.kind == FAULTY:
        cells = [cell[:LONGEST_SHOWN] for cell in outcome.cells]
        return told | {"cells": cells, "errors": errors_of(record, outcome)}
    told["title"] = record.title_of(outcome.row) if outcome.row is not None else ""
    if outcome.kind == UPDATED:
        told["changes"] = [
            [_heading(record, name), str(value), str(outcome.values[name])]
            for name, value in outcome.before.items()
        ]
    return told


def errors_of(record: Record, outcome: Outcome) -> list[list[str]]:
    """Return the pairs of a field's heading and a sentence."""
    return [[_heading(record, name), text] for name, text in outcome.errors]


def _heading(record: Record, name: str) -> str:
    found = record.field(name)
    return found.heading if found else ""


def row_form(record: Record) -> type[Form]:
    fields = {each.name: each.form_field() for each in fields_of(record)}
    return type(f"{record.slug.title()}RowForm", (Form,), fields)


class RowImporter:
    """Imports rows of one file, in order.

    ``mapping`` has a field's name for each column. A blank cell of a row that is there already
    changes nothing. ``seen`` remembers in which row a key stood first: the later ones are faulty.
    """

    def __init__(
        self, *, record: Record, mapping: Sequence[str], mode: ImportMode, key: str
    ) -> None:
        self.record, self.mode, self.key = record, mode, key
        self._columns = [(number, name) for number, name in enumerate(mapping) if name]
        self._names = [name for _number, name in self._columns]
        self._readers = {each.name: CellReader(each) for each in fields_of(record)}
        self._form = row_form(record)({})
        self._seen: dict[str, int] = {}
        self._quota: QuotaExceeded | None = None

    def skip(self, keys: Keys) -> None:
        """Remember the keys of rows that were gone through before."""
        self._seen |= {key: number for key, (number, _sight) in keys.items()}

    def new_keys(self, outcomes: Sequence[Outcome]) -> Keys:
        """Return the keys that stood in these rows first, for `skip` and for `run`."""
        return {
            key: (each.number, each.sight)
            for each in outcomes
            if self._seen.get(key := self._key_of(each)) == each.number
        }

    def run(
        self, by: Principal, rows: Sequence[Row], *, ahead: int = 0, previewed: Keys | None = None
    ) -> list[Outcome]:
        """Store the rows in the current transaction, and return what became of each.

        ``ahead`` are rows that a preview created before these and rolled back; they take up room of
        the plan. ``previewed`` are the keys of these rows at the preview: where the look-up finds
        something else now, the row is faulty.
        """
        outcomes = [self._checked(row) for row in rows]
        for outcome in outcomes:
            self._note_key(outcome)
        present = self._present(by, outcomes)
        new = [each for each in outcomes if self._is_new(each, present, previewed)]
        self._create(by, new, ahead)
        self._update(by, [each for each in outcomes if not each.kind])
        return outcomes

    def _checked(self, row: Row) -> Outcome:
        number, cells = row
        outcome = Outcome(number, cells)
        texts = {}
        for at, name in self._columns:
            try:
                texts[name] = self._readers[name].text_of(cells[at])
            except ValidationError as refusal:
                outcome.refuse(name, " ".join(refusal.messages))
        form = self._form
        form.data = texts
        form.full_clean()
        for name, text in texts.items():
            if name in form.errors:
                for error in form.errors[name]:
                    # What is missing is so only of a row that is new.
                    if text or self.mode == ImportMode.CREATE:
                        outcome.refuse(name, str(error))
            elif form.cleaned_data[name] not in EMPTY_VALUES:
                outcome.values[name] = form.cleaned_data[name]
        return outcome

    def _note_key(self, outcome: Outcome) -> None:
        value = self._key_of(outcome)
        if not value:
            return
        first = self._seen.setdefault(value, outcome.number)
        if first != outcome.number:
            outcome.refuse(self.key, _("The same stands in row %(row)d.") % {"row": first})

    def _key_of(self, outcome: Outcome) -> str:
        return str(outcome.values.get(self.key) or "")

    def _present(self, by: Principal, outcomes: Sequence[Outcome]) -> Mapping[str, list[Any]]:
        """Return the records that are there by key, locked until the transaction ends."""
        found: dict[str, list[Any]] = defaultdict(list)
        keys = {self._key_of(each) for each in outcomes} - {""}
        if keys:
            theirs = self.record.visible_to(by).filter(**{f"{self.key}__in": keys})
            rows: Any = self.record.model._default_manager
            locked = rows.select_for_update(of=("self",)).filter(pk__in=theirs.values("pk"))
            for row in locked.order_by("pk"):
                found[str(getattr(row, self.key))].append(row)
        return found

    def _is_new(
        self, outcome: Outcome, present: Mapping[str, list[Any]], previewed: Keys | None
    ) -> bool:
        """Return whether a row is to be created; find what it changes, or say what is wrong."""
        if outcome.kind:
            return False
        key = self._key_of(outcome)
        rows = present.get(key, [])
        outcome.sight = [str(rows[0].pk), rows[0].version] if len(rows) == 1 else None
        if len(rows) > 1:
            outcome.refuse(self.key, _("Several entries have this already."))
        elif previewed is not None and key and outcome.sight != previewed.get(key, (0, None))[1]:
            outcome.refuse("", _("Somebody changed it meanwhile."))
        elif rows:
            outcome.row = rows[0]
            if self.mode == ImportMode.CREATE:
                outcome.kind = UNCHANGED
        elif self.mode == ImportMode.UPDATE:
            outcome.refuse(self.key, _("There is no entry with this."))
        else:
            self._require_all(outcome)
        return outcome.row is None and not outcome.kind

    def _require_all(self, outcome: Outcome) -> None:
        """Refuse a new row that lacks what its form requires."""
        for name, each in self._form.fields.items():
            if each.required and outcome.values.get(name) in {None, ""}:
                outcome.refuse(name, str(each.error_messages["required"]))

    def _create(self, by: Principal, new: Sequence[Outcome], ahead: int) -> None:
        many = self.record.create_many
        if many is not None and new and self._quota is None:
            try:
                with transaction.atomic():
                    self._check_room(by, ahead, len(new))
                    made = many(by=by, rows=[each.values for each in new])
            except (QuotaExceeded, IntegrityError):
                # Only some of them are refused: one by one it is seen which.
                made = None
            if made is not None:
                for outcome, found in zip(new, made, strict=True):
                    self._note(outcome, found, CREATED)
                return
        for outcome in new:
            self._note(outcome, self._created(by, outcome, ahead), CREATED)

    def _check_room(self, by: Principal, ahead: int, count: int) -> None:
        if ahead and self.record.quota:
            quotas.check_quota(
                self.record.quota, organization_id=by.organization_id, amount=ahead + count
            )

    def _created(self, by: Principal, outcome: Outcome, ahead: int) -> Model | AppError:
        if self._quota is not None:
            return self._quota
        try:
            with transaction.atomic():
                self._check_room(by, ahead, 1)
                return self.record.create(by=by, **outcome.values)
        except (AppError, DatabaseError) as error:
            refusal = _refusal(error)
            if isinstance(refusal, QuotaExceeded):
                self._quota = refusal
            return refusal

    def _note(self, outcome: Outcome, made: Model | AppError, kind: str) -> None:
        if isinstance(made, AppError):
            outcome.refuse(str(made.extra.get("field", "")), made.message)
        else:
            outcome.kind, outcome.row = kind, made

    def _update(self, by: Principal, known: Sequence[Outcome]) -> None:
        changes: dict[Any, dict[str, Any]] = {}
        for outcome in known:
            row = outcome.row
            outcome.before = {
                name: getattr(row, name)
                for name, value in outcome.values.items()
                if getattr(row, name) != value
            }
            if outcome.before:
                changes[row.pk] = {name: outcome.values[name] for name in outcome.before}
            else:
                outcome.kind = UNCHANGED
        made = update_rows(by, self.record, changes)
        for outcome in known:
            if outcome.before:
                self._note(outcome, made[outcome.row.pk], UPDATED)


def update_rows(
    by: Principal, record: Record, changes: Mapping[Any, Mapping[str, Any]]
) -> Mapping[Any, Model | AppError]:
    """Store values by id, at once where the record can; return a row or a refusal for each."""
    if record.update_many is not None and changes:
        try:
            with transaction.atomic():
                return record.update_many(by=by, changes=changes)
        except (QuotaExceeded, IntegrityError):
            # Only some of them are refused: one by one it is seen which.
            pass
    made: dict[Any, Model | AppError] = {}
    for pk, values in changes.items():
        try:
            with transaction.atomic():
                made[pk] = record.update(by=by, pk=pk, **values)
        except (AppError, DatabaseError) as error:
            made[pk] = _refusal(error)
    return made


def _refusal(error: AppError | DatabaseError) -> AppError:
    """Return the refusal of one row. Raise what is wrong with more than that row."""
    refusal = error if isinstance(error, AppError) else collision_of(error)
    if refusal is None:
        raise error
    return refusal
