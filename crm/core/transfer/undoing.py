"""What undoes an import: its journal, and the way back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from crm.core.errors import AppError
from crm.core.permissions import Principal
from crm.core.records import Record
from crm.core.transfer.rows import CREATED, UPDATED, Outcome, update_rows


def journal_of(record: Record, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return what an undo needs: each created row with its values, and each updated one with the
    values before and after.
    """
    journal = []
    for each in outcomes:
        if each.kind == CREATED:
            after = record.form_values_of(each.row)
        elif each.kind == UPDATED:
            after = {name: each.values[name] for name in each.before}
        else:
            continue
        journal.append(
            {
                "pk": str(each.row.pk),
                "is_new": each.kind == CREATED,
                "before": _plain(each.before),
                "after": _plain(after),
            }
        )
    return journal


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | bool | list | None) else str(value)
        for name, value in values.items()
    }


def undo_entries(
    by: Principal, record: Record, entries: Sequence[Mapping[str, Any]]
) -> Counter[str]:
    """Undo entries of a journal. Return how many were "removed" and "restored", and of the others
    why they were left: "changed" or "used" since, "gone", or "refused" by the services.

    Of an updated row only the fields that were not changed since are put back.
    """
    rows = record.visible_to(by).filter(pk__in=[entry["pk"] for entry in entries])
    locked: Any = record.model._default_manager.select_for_update(no_key=True)
    found: dict[str, Any] = {str(row.pk): row for row in locked.filter(pk__in=rows.values("pk"))}
    new = [found[entry["pk"]] for entry in entries if entry["is_new"] and entry["pk"] in found]
    used = _used(record, new)
    done: Counter[str] = Counter()
    removed: list[Any] = []
    restored: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        row = found.get(entry["pk"])
        if row is None:
            done["gone"] += 1
        elif not entry["is_new"]:
            before = _values_before(record, row, entry)
            if before:
                restored[row.pk] = before
            else:
                done["changed"] += 1
        elif _plain(record.form_values_of(row)) != entry["after"]:
            done["changed"] += 1
        elif row.pk in used:
            done["used"] += 1
        elif record.delete is None:
            removed.append(row.pk)
        else:
            done[_delete(by, record, row)] += 1
    if removed:
        # Nothing but its parts refers to them.
        record.model._default_manager.filter(pk__in=removed).delete()
        done["removed"] += len(removed)
    for made in update_rows(by, record, restored).values():
        done["refused" if isinstance(made, AppError) else "restored"] += 1
    return done


def _used(record: Record, rows: Sequence[Any]) -> set[Any]:
    """Return the keys of the rows to which something refers that is no part of them."""
    used: set[Any] = set()
    for relation in record.model._meta.related_objects:
        related: Any = relation.related_model
        if related not in record.parts:
            name = relation.field.name
            theirs = related._base_manager.filter(**{f"{name}__in": rows})
            used |= set(theirs.values_list(name, flat=True))
    return used


def _delete(by: Principal, record: Record, row: Any) -> str:
    assert record.delete is not None  # noqa: S101  asked before
    try:
        with transaction.atomic():
            record.delete(by=by, pk=row.pk, version=row.version)
    except AppError:
        return "refused"
    return "removed"


def _values_before(record: Record, row: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields held that were not changed since the import."""
    meta = record.model._meta
    present = _plain({name: getattr(row, name) for name in entry["before"]})
    return {
        name: meta.get_field(name).to_python(value)  # type: ignore[union-attr]  # columns
        for name, value in entry["before"].items()
        if present[name] == entry["after"][name]
    }
