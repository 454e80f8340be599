"""What becomes of the rows of a file: each is checked like a form, then stored by the services."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from crm.core.records import Field, Record, RelationField
from crm.core.records.stored_values import StoredValues
from crm.core.records.undo_values import as_json, followers_of
from crm.core.store_errors import collision_of
from crm.core.transfer.mapping import CellReader, fields_of
from crm.core.transfer.models import ImportMode
from crm.core.transfer.outcomes import CREATED, EXAMPLES, UNCHANGED, UPDATED, Outcome, Row, Sight
from crm.core.transfer.related import RelatedRows

# By key: the row in which it stood first, and what the look-up found.
Keys = Mapping[str, tuple[int, Sight]]


def row_form(record: Record, by: Principal) -> type[Form]:
    fields = {each.name: each.cell_field(by) for each in fields_of(record)}
    return type(f"{record.slug.title()}RowForm", (Form,), fields)


class RowImporter:
    """Imports rows of one file, in order.

    ``mapping`` has a field's name for each column. A blank cell of a row that is there already
    changes nothing. ``seen`` remembers in which row a key stood first: the later ones are faulty.
    """

    def __init__(
        self,
        *,
        by: Principal,
        record: Record,
        mapping: Sequence[str],
        mode: ImportMode,
        key: str,
        is_workbook: bool,
    ) -> None:
        self.record, self.mode, self.key = record, mode, record.import_key(key)
        self._columns = [(number, name) for number, name in enumerate(mapping) if name]
        self._names = [name for _number, name in self._columns]
        self._readers = {
            each.name: CellReader(each, by, is_workbook=is_workbook) for each in fields_of(record)
        }
        self._form = row_form(record, by)({})
        self._related = RelatedRows(record, self._names)
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
        self._complete(by, outcomes)
        for outcome in outcomes:
            self._note_key(outcome)
        if self.record.lock is not None:
            self.record.lock(by)
        self._related.find(by, outcomes)
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
            elif text and form.cleaned_data[name] not in EMPTY_VALUES:
                outcome.values[name] = self._stored_form(name, form.cleaned_data[name])
        return outcome

    def _stored_form(self, name: str, value: Any) -> Any:
        """Return a text as its column stores it, so that it is compared with what is stored."""
        found = self.record.field(name)
        is_text = isinstance(value, str) and not isinstance(found, RelationField)
        return found.column.to_python(value) if found and is_text else value

    def _complete(self, by: Principal, outcomes: Sequence[Outcome]) -> None:
        if self.record.complete is None:
            return
        found = self.record.complete(by=by, rows=[each.values for each in outcomes])
        for outcome, values in zip(outcomes, found, strict=True):
            outcome.values = {**values, **outcome.values}

    def _note_key(self, outcome: Outcome) -> None:
        value = self._key_of(outcome)
        if not value:
            return
        first = self._seen.setdefault(value, outcome.number)
        if first != outcome.number:
            self._refuse_key(outcome, _("The same stands in row %(row)d.") % {"row": first})

    def _refuse_key(self, outcome: Outcome, text: str) -> None:
        outcome.refuse(self.key.field if self.key else "", text)

    def _key_of(self, outcome: Outcome) -> str:
        return self.key.text_of(outcome.values) if self.key else ""

    def _present(self, by: Principal, outcomes: Sequence[Outcome]) -> Mapping[str, list[Any]]:
        """Return the records that are there by key, locked until the transaction ends."""
        found: dict[str, list[Any]] = defaultdict(list)
        if self.key is None:
            return found
        texts = {str(each.values[self.key.field]) for each in outcomes if self._key_of(each)}
        if texts:
            theirs = self.key.candidates(self.record.visible_to(by), texts)
            rows: Any = self.record.model._default_manager
            locked = rows.select_for_update(of=("self",)).filter(pk__in=theirs.values("pk"))
            for row in locked.order_by("pk"):
                found[self.key.text_of_row(row)].append(row)
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
            self._refuse_key(outcome, _("Several entries have this already."))
        elif previewed is not None and key and outcome.sight != previewed.get(key, (0, None))[1]:
            outcome.refuse("", _("Somebody changed it meanwhile."))
        elif rows:
            outcome.row = rows[0]
            if self.mode == ImportMode.CREATE:
                outcome.kind = UNCHANGED
        elif self.mode == ImportMode.UPDATE:
            self._refuse_key(outcome, _("There is no entry with this."))
        else:
            self._require_all(outcome)
        return outcome.row is None and not outcome.kind

    def _require_all(self, outcome: Outcome) -> None:
        """Refuse a new row that lacks what its form requires."""
        for name, each in self._form.fields.items():
            if each.required and outcome.values.get(name) in {None, ""}:
                outcome.refuse(name, str(each.error_messages["required"]))

    def _create(self, by: Principal, new: Sequence[Outcome], ahead: int) -> None:
        new = self._related.add(by, new)
        self._word(by, new[:EXAMPLES])
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
            outcome.refuse_by(made)
        else:
            outcome.kind, outcome.row = kind, made

    def _update(self, by: Principal, known: Sequence[Outcome]) -> None:
        changed = []
        for outcome in known:
            outcome.before = {
                name: getattr(outcome.row, name)
                for name, value in outcome.values.items()
                if getattr(outcome.row, name) != value
            }
            outcome.follows = followers_of(self.record, outcome.row)
            if outcome.before:
                changed.append(outcome)
            else:
                outcome.kind = UNCHANGED
        changed = self._related.add(by, changed)
        self._word(by, changed)
        changes = {
            each.row.pk: {name: each.values[name] for name in each.before} for each in changed
        }
        made = update_rows(by, self.record, changes)
        for outcome in changed:
            self._note(outcome, made[outcome.row.pk], UPDATED)

    def _word(self, by: Principal, outcomes: Sequence[Outcome]) -> None:
        """Put what is new or changed into words while it is there: a preview takes it back."""
        fields = {name: found for name in self._form.fields if (found := self.record.field(name))}
        names = [each.before if each.row is not None else each.values for each in outcomes]
        pairs = [
            (fields[name], as_json(value))
            for each, told in zip(outcomes, names, strict=True)
            for name in told
            if name in fields
            for value in (each.before.get(name), each.values[name])
        ]
        words = StoredValues(by, pairs)
        for each, told in zip(outcomes, names, strict=True):
            each.words = {
                name: (
                    _before(words, fields[name], as_json(each.before.get(name))),
                    words.shown(fields[name], as_json(each.values[name])) or "",
                )
                for name in told
                if name in fields
            }


def _before(words: StoredValues, field: Field, value: Any) -> Any:
    """Return a value in words; a related row by its id: each reader is told what they may see."""
    if isinstance(field, RelationField) and value:
        return {"field": field.name, "id": str(value)}
    return words.shown(field, value) or ""


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
