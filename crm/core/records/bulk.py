"""Actions on many rows: each row by the record's own service, and undo of the whole action.

A row that may not be changed, or was changed since it was chosen, is left out; the others are done.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext, gettext_noop, ngettext

from crm.core.errors import AppError, Conflict, Invalid
from crm.core.permissions import WRITE, Principal, require
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
    changes: list[dict[str, Any]] = []
    deletions: list[str] = []
    # In one order: two actions on the same rows do not lock each other out.
    for each in sorted(chosen, key=lambda one: one.pk):
        row = rows.get(each.pk)
        try:
            if row is None:
                raise record.not_found
            if each.version not in {None, row.version}:
                raise EditedMeanwhile(gettext("Somebody changed it meanwhile."))
            with transaction.atomic():
                if action.is_deletion:
                    deletions += _delete(by, record, row)
                elif change := _change(by, record, row, values):
                    changes.append(change)
                else:
                    result.same += 1
                    continue
        except AppError as error:
            title = record.title_of(row) if row is not None else ""
            result.left_out.append(LeftOut(each.pk, title, error))
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


def _delete(by: Principal, record: Record, row: Any) -> list[str]:
    assert record.delete is not None  # noqa: S101  without it there is no such action
    action_id = record.delete(by=by, pk=row.pk, version=row.version)
    return [str(action_id)] if action_id else []


def _change(
    by: Principal, record: Record, row: Any, values: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Store the values; return what undoes it, None where they were stored already."""
    before = {name: getattr(row, name) for name in values}
    if before == dict(values):
        return None
    changed: Any = record.update(by=by, pk=row.pk, version=row.version, **values)
    stored = {name: as_json(value) for name, value in before.items()}
    return {"pk": str(row.pk), "version": changed.version, "before": stored}


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
    steps = [
        *(lambda change=change: _change_back(by, record, change) for change in data["changes"]),
        *(lambda pk=pk: undo(by=by, action_id=UUID(pk)) for pk in data["deletions"]),
    ]
    done = 0
    for step in steps:
        try:
            with transaction.atomic():
                step()
        except AppError:
            continue
        done += 1
    if not done:
        raise UndoImpossible
    text = ngettext("%(count)d entry is as it was.", "%(count)d entries are as they were.", done)
    told = text % {"count": done}
    if left := len(steps) - done:
        kept = ngettext(
            "%(count)d entry was changed since, and stays.",
            "%(count)d entries were changed since, and stay.",
            left,
        )
        told = f"{told} {kept % {'count': left}}"
    return told


def _change_back(by: Principal, record: Record, change: Mapping[str, Any]) -> Model:
    before = from_json(record, change["before"])
    return record.update(by=by, pk=UUID(change["pk"]), version=change["version"], **before)


register_undo("bulk", _undo_bulk)
