"""Bulk actions: each row is changed by the record's own service; undo covers the whole action.

Rows that may not be changed, or were changed since they were selected, are skipped and reported.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from crm.core.database.locks import try_lock
from crm.core.errors import AppError, Conflict, Invalid
from crm.core.permissions import WRITE, Level, Principal, require
from crm.core.records.record import BulkAction, Record, get_record
from crm.core.records.services import restoring
from crm.core.records.undo_values import as_json, followers_of, from_json, put_back
from crm.core.undo.services import UndoImpossible, UndoResult, record_undoable, register_undo, undo
from crm.core.versions import EditedMeanwhile

# Rows of one action, which is one request and one transaction.
MAX_ROWS = 1_000
# A version that no row has, so that the row counts as changed meanwhile.
NO_VERSION = 0


class TooManyRows(Invalid):
    code = "too_many_rows"
    message = gettext_noop(
        "At most 1,000 can be changed at once. Narrow the list, and take the rest afterwards."
    )


class NothingChosen(Invalid):
    code = "nothing_chosen"
    message = gettext_noop("Choose at least one entry of the list.")


class BulkUnderWay(Conflict):
    code = "bulk_under_way"
    message = gettext_noop(
        "Another change of many entries is under way in your organization. Try again in a moment."
    )


@dataclass(frozen=True, slots=True)
class ChosenRow:
    """A selected row and the version it was selected at; None for the current version."""

    pk: UUID
    version: int | None = None

    @property
    def text(self) -> str:
        return self.pk.hex if self.version is None else f"{self.pk.hex}:{self.version}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that was not changed, and the error; ``title`` is empty if the row is not visible."""

    pk: UUID
    title: str
    error: AppError


@dataclass(slots=True)
class BulkResult:
    """Row counts of a bulk action: ``done`` were changed, ``same`` had the values already.

    ``action_id`` is the id for `undo`, None if nothing was changed.
    """

    done: int = 0
    same: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    action_id: UUID | None = None

    def reasons(self) -> dict[str, list[LeftOut]]:
        """Return the rows that were left out, by error message."""
        found: dict[str, list[LeftOut]] = defaultdict(list)
        for each in self.left_out:
            found[each.error.message].append(each)
        return found


def choose(rows: QuerySet[Any]) -> list[ChosenRow]:
    """Return all rows of a queryset with their current versions.

    Raise TooManyRows or NothingChosen.
    """
    found = rows.order_by().values_list("pk", "version")[: MAX_ROWS + 1]
    return checked([ChosenRow(pk, version) for pk, version in found])


def checked(chosen: Sequence[ChosenRow]) -> list[ChosenRow]:
    """Remove duplicates. Raise TooManyRows or NothingChosen."""
    once = list({each.pk: each for each in chosen}.values())
    if not once:
        raise NothingChosen
    if len(once) > MAX_ROWS:
        raise TooManyRows
    return once


@transaction.atomic
def run_bulk(
    *,
    by: Principal,
    record: Record,
    action: BulkAction,
    chosen: Sequence[ChosenRow],
    values: Mapping[str, Any],
    is_exclusive: bool = False,
) -> BulkResult:
    """Apply an action to the selected rows that the principal may change.

    ``is_exclusive`` allows one at a time in an organization, because requests that wait for the
    same rows would exhaust the connections. Raise Forbidden or BulkUnderWay.
    """
    require(by, record.area, WRITE)
    if is_exclusive:
        _lock(by.organization_id)
    began_at = timezone.now()
    rows = record.visible_to(by).prefetch_related(None).in_bulk([each.pk for each in chosen])
    result = BulkResult()
    current = _current_rows(record, rows, chosen, result)
    changes: list[dict[str, Any]] = []
    deletions: list[str] = []
    if action.is_deletion:
        outcomes = _delete(by, record, current)
        deletions = [str(each) for each in outcomes.values() if isinstance(each, UUID)]
    else:
        differing = [row for row in current if _values_of(row, values) != values]
        result.same = len(current) - len(differing)
        before = {row.pk: _values_of(row, values) for row in differing}
        follows = {row.pk: followers_of(record, row) for row in differing}
        outcomes = store_many(by, record, {row.pk: (row.version, values) for row in differing})
        changes = [
            {
                "pk": str(pk),
                "version": row.version,
                "before": _all_as_json(before[pk]),
                "follows": follows[pk],
            }
            for pk, row in outcomes.items()
            if not isinstance(row, AppError)
        ]
    for pk, outcome in outcomes.items():
        if isinstance(outcome, AppError):
            result.left_out.append(LeftOut(pk, record.title_of(rows[pk]), outcome))
        else:
            result.done += 1
    if changes or deletions:
        data = {
            "record": record.slug,
            "changes": changes,
            "deletions": deletions,
            # The deletions inside it can be undone for as long as the whole action.
            "since": began_at.isoformat(),
        }
        result.action_id = record_undoable(by=by, kind="bulk", data=data)
    return result


def _current_rows(
    record: Record,
    rows: Mapping[UUID, Any],
    chosen: Sequence[ChosenRow],
    result: BulkResult,
) -> list[Any]:
    """Return the selected rows that have the selected version; add the others to ``left_out``."""
    current = []
    for each in sorted(chosen, key=lambda one: one.pk):
        row = rows.get(each.pk)
        if row is None:
            result.left_out.append(LeftOut(each.pk, "", record.not_found()))
        elif each.version not in {None, row.version}:
            result.left_out.append(LeftOut(row.pk, record.title_of(row), _edited()))
        else:
            current.append(row)
    return current


def _lock(organization_id: UUID) -> None:
    if not try_lock(f"bulk|{organization_id}"):
        raise BulkUnderWay


def store_many(
    by: Principal, record: Record, changes: Mapping[UUID, tuple[int, Mapping[str, Any]]]
) -> dict[UUID, Any]:
    """Update rows; ``changes`` maps an id to (expected version, values by column).

    Return by id the updated row, or the AppError that refused it.
    """
    if record.update_many is not None and by.may(record.area, WRITE, Level.ALL):
        with suppress(AppError, IntegrityError), transaction.atomic():
            return _store_at_once(by, record, changes)
    # Reached too if one row was refused: row by row shows which.
    stored: dict[UUID, Any] = {}
    for pk, (version, values) in sorted(changes.items()):
        try:
            with transaction.atomic():
                stored[pk] = record.update(by=by, pk=pk, version=version, **values)
        except EditedMeanwhile:
            stored[pk] = _edited()
        except AppError as error:
            stored[pk] = error
    return stored


def _store_at_once(
    by: Principal, record: Record, changes: Mapping[UUID, tuple[int, Mapping[str, Any]]]
) -> dict[UUID, Any]:
    assert record.update_many is not None  # noqa: S101  the caller asked
    rows: Any = record.model._default_manager
    locked = rows.select_for_update(of=("self",)).filter(pk__in=changes).order_by("pk")
    versions = dict(locked.values_list("pk", "version"))
    current = {
        pk: values for pk, (version, values) in changes.items() if versions.get(pk) == version
    }
    stored = dict(record.update_many(by=by, changes=current)) if current else {}
    return {**stored, **{pk: _edited() for pk in changes if pk not in current}}


def _delete(by: Principal, record: Record, rows: Sequence[Any]) -> dict[UUID, Any]:
    """Delete rows. Return by id the action id for `undo` (or None), or the AppError.

    Versions are compared before the first one is deleted: rows that refer to it get another one.
    """
    assert record.delete is not None  # noqa: S101  without it there is no such action
    if record.lock is not None:
        record.lock(by)
    model: Any = record.model._default_manager
    locked = model.select_for_update(of=("self",)).filter(pk__in=[row.pk for row in rows])
    versions = dict(locked.order_by("pk").values_list("pk", "version"))
    outcomes: dict[UUID, Any] = {}
    for row in rows:
        if versions.get(row.pk) != row.version:
            outcomes[row.pk] = _edited()
            continue
        try:
            with transaction.atomic():
                outcomes[row.pk] = record.delete(by=by, pk=row.pk)
        except AppError as error:
            outcomes[row.pk] = error
    return outcomes


def _edited() -> EditedMeanwhile:
    return EditedMeanwhile(gettext("Somebody changed it meanwhile."))


def _values_of(row: Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _all_as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_json(value) for name, value in values.items()}


def _undo_bulk(by: Principal, data: dict[str, Any]) -> UndoResult:
    """Undo an action for the rows that were not changed since. Raise UndoImpossible if for none."""
    record = get_record(data["record"])
    changes = {
        UUID(each["pk"]): (each["version"], from_json(record, each["before"]))
        for each in data["changes"]
    }
    with restoring():
        outcomes = store_many(by, record, changes)
    for each in data["changes"]:
        if not isinstance(outcomes[UUID(each["pk"])], AppError):
            put_back(record, each["pk"], each["follows"])
    done = sum(not isinstance(each, AppError) for each in outcomes.values())
    since = datetime.fromisoformat(data["since"])
    # The last one first: what referred to a deleted row refers to it again.
    for action_id in reversed(data["deletions"]):
        with suppress(AppError), transaction.atomic():
            done += undo(by=by, action_id=UUID(action_id), since=since).done
    if not done:
        raise UndoImpossible
    text = ngettext("%(count)d entry restored.", "%(count)d entries restored.", done)
    sentence = text % {"count": done}
    if left := len(changes) + len(data["deletions"]) - done:
        kept = ngettext(
            "%(count)d entry was changed since, and stays.",
            "%(count)d entries were changed since, and stay.",
            left,
        )
        sentence = f"{sentence} {kept % {'count': left}}"
    return UndoResult(sentence, done, left)


register_undo("bulk", _undo_bulk, is_daily_work=True)
