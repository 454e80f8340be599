"""Actions on many rows: each row by the record's own service, and undo of the whole action.

A row that may not be changed, or was changed since it was chosen, is left out; the others are done.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext, gettext_noop, ngettext

from crm.core.errors import AppError, Conflict, Invalid
from crm.core.permissions import WRITE, Level, Principal, require
from crm.core.records.record import BulkAction, Record, get_record
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo, undo
from crm.core.versions import EditedMeanwhile

# Of one action; all of them are done in one request and one transaction.
MOST_ROWS = 1_000


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
    """A row and the version at which it was chosen; None for the present one."""

    pk: UUID
    version: int | None = None

    @property
    def text(self) -> str:
        return self.pk.hex if self.version is None else f"{self.pk.hex}:{self.version}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row to which nothing was done, and why; ``title`` is empty where it is not visible."""

    pk: UUID
    title: str
    error: AppError


@dataclass(slots=True)
class BulkResult:
    """``same`` rows were so already; ``action_id`` is the id for `undo`, None without a change."""

    done: int = 0
    same: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    action_id: UUID | None = None

    def reasons(self) -> dict[str, list[LeftOut]]:
        """Return the rows that were left out by reason."""
        found: dict[str, list[LeftOut]] = defaultdict(list)
        for each in self.left_out:
            found[each.error.message].append(each)
        return found


def choose(rows: QuerySet[Any]) -> list[ChosenRow]:
    """Return all rows of a list at their present versions. Raise TooManyRows or NothingChosen."""
    found = rows.order_by().values_list("pk", "version")[: MOST_ROWS + 1]
    return checked([ChosenRow(pk, version) for pk, version in found])


def checked(chosen: Sequence[ChosenRow]) -> list[ChosenRow]:
    """Return each row once. Raise TooManyRows or NothingChosen."""
    once = list({each.pk: each for each in chosen}.values())
    if not once:
        raise NothingChosen
    if len(once) > MOST_ROWS:
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
    is_alone: bool = False,
) -> BulkResult:
    """Do an action to the chosen rows that the principal may change.

    ``is_alone`` allows one at a time in an organization: requests that wait for the same rows would
    hold the connections of all. Raise Forbidden or BulkUnderWay.
    """
    require(by, record.area, WRITE)
    if is_alone:
        _lock(by.organization_id)
    rows = record.visible_to(by).in_bulk([each.pk for each in chosen])
    result = BulkResult()
    present = []
    for each in sorted(chosen, key=lambda one: one.pk):
        row = rows.get(each.pk)
        if row is None:
            result.left_out.append(LeftOut(each.pk, "", record.not_found()))
        elif each.version not in {None, row.version}:
            result.left_out.append(LeftOut(row.pk, record.title_of(row), _edited()))
        else:
            present.append(row)
    changes, deletions = [], []
    if action.is_deletion:
        outcomes = _delete(by, record, present)
        deletions = [str(each) for each in outcomes.values() if isinstance(each, UUID)]
    else:
        others = [row for row in present if _values_of(row, values) != values]
        result.same = len(present) - len(others)
        before = {row.pk: _values_of(row, values) for row in others}
        outcomes = store_many(by, record, {row.pk: (row.version, values) for row in others})
        changes = [
            {"pk": str(pk), "version": row.version, "before": _all_as_json(before[pk])}
            for pk, row in outcomes.items()
            if not isinstance(row, AppError)
        ]
    for pk, outcome in outcomes.items():
        if isinstance(outcome, AppError):
            result.left_out.append(LeftOut(pk, record.title_of(rows[pk]), outcome))
        else:
            result.done += 1
    if changes or deletions:
        data = {"record": record.slug, "changes": changes, "deletions": deletions}
        result.action_id = record_undoable(by=by, kind="bulk", data=data)
    return result


def _lock(organization_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"bulk|{organization_id}"]
        )
        if not cursor.fetchone()[0]:
            raise BulkUnderWay


def store_many(
    by: Principal, record: Record, changes: Mapping[UUID, tuple[int, Mapping[str, Any]]]
) -> dict[UUID, Any]:
    """Store values by id in rows of these versions; return for each the row or the AppError."""
    if record.update_many is not None and by.may(record.area, WRITE, Level.ALL):
        with suppress(AppError, IntegrityError), transaction.atomic():
            return _store_at_once(by, record, changes)
    # Also where some of them are refused: one by one it is seen which.
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
    """Delete rows; return for each the id for `undo`, if any, or the AppError."""
    assert record.delete is not None  # noqa: S101  without it there is no such action
    outcomes: dict[UUID, Any] = {}
    for row in rows:
        try:
            with transaction.atomic():
                outcomes[row.pk] = record.delete(by=by, pk=row.pk, version=row.version)
        except AppError as error:
            outcomes[row.pk] = error
    return outcomes


def _edited() -> EditedMeanwhile:
    return EditedMeanwhile(gettext("Somebody changed it meanwhile."))


def _values_of(row: Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _all_as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_json(value) for name, value in values.items()}


def as_json(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | list | None) else str(value)


def from_json(record: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of columns that `as_json` made."""
    meta = record.model._meta
    return {
        name: meta.get_field(name).to_python(value)  # type: ignore[union-attr]  # columns
        for name, value in values.items()
    }


def _undo_bulk(by: Principal, data: dict[str, Any]) -> str:
    """Undo what was done to the rows that nobody changed since; return how many these are."""
    record = get_record(data["record"])
    changes = {
        UUID(each["pk"]): (each["version"], from_json(record, each["before"]))
        for each in data["changes"]
    }
    outcomes = store_many(by, record, changes)
    done = sum(not isinstance(each, AppError) for each in outcomes.values())
    for action_id in data["deletions"]:
        with suppress(AppError), transaction.atomic():
            undo(by=by, action_id=UUID(action_id))
            done += 1
    if not done:
        raise UndoImpossible
    text = ngettext("%(count)d entry is as it was.", "%(count)d entries are as they were.", done)
    told = text % {"count": done}
    if left := len(changes) + len(data["deletions"]) - done:
        kept = ngettext(
            "%(count)d entry was changed since, and stays.",
            "%(count)d entries were changed since, and stay.",
            left,
        )
        told = f"{told} {kept % {'count': left}}"
    return told


register_undo("bulk", _undo_bulk)
