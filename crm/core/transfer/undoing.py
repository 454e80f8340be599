"""What undoes an import: its journal, and the way back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction

from crm.core.errors import AppError
from crm.core.models import Note
from crm.core.permissions import Principal
from crm.core.records import Record, RelationField
from crm.core.records.protection import protected_rows
from crm.core.records.services import restoring
from crm.core.records.undo_values import as_json, put_back
from crm.core.transfer.outcomes import CREATED, UPDATED, Outcome
from crm.core.transfer.rows import update_rows


def journal_of(record: Record, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return what an undo needs: each created row with its values, each updated one with the values
    before and after, and the related rows that were added.
    """
    journal: list[dict[str, Any]] = []
    for each in outcomes:
        journal += [{"added": pk, "field": name} for name, pk in each.added.items()]
        if each.kind == CREATED:
            after = _values_of(record, each.row)
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
                "follows": each.follows,
            }
        )
    return journal


def _values_of(record: Record, row: Any) -> dict[str, Any]:
    """Return the stored values, of related rows the ids, whoever may see them."""
    return {name: getattr(row, name) for name in record.form}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_json(value) for name, value in values.items()}


def undo_entries(
    by: Principal, record: Record, entries: Sequence[Mapping[str, Any]]
) -> Counter[str]:
    """Undo entries of a journal. Return how many were "removed", "restored" and restored "partly",
    where some fields were changed since; and of the others why they were left: "changed" or "used"
    since, "gone", or "refused", by the services or by who keeps them.

    Of an updated row only the fields that were not changed since are put back. Related rows that
    the import added go last, and are not counted.
    """
    related = [entry for entry in entries if "added" in entry]
    entries = [entry for entry in entries if "added" not in entry]
    if record.lock is not None:
        record.lock(by)
    rows = record.visible_to(by).filter(pk__in=[entry["pk"] for entry in entries])
    # Nobody may begin to use those that go: what names a row waits for this lock, or is found.
    goes = any(entry["is_new"] for entry in entries)
    locked: Any = record.model._default_manager.select_for_update(no_key=not goes)
    found: dict[str, Any] = {str(row.pk): row for row in locked.filter(pk__in=rows.values("pk"))}
    new = [found[entry["pk"]] for entry in entries if entry["is_new"] and entry["pk"] in found]
    used = _used(record, new)
    kept = protected_rows(by.organization_id, record.model, [row.pk for row in new])
    done: Counter[str] = Counter()
    removed: list[Any] = []
    restored: dict[Any, dict[str, Any]] = {}
    partly: set[Any] = set()
    follows: dict[Any, Mapping[str, Any]] = {}
    for entry in entries:
        row = found.get(entry["pk"])
        if row is None:
            done["gone"] += 1
        elif not entry["is_new"]:
            before = _values_before(record, row, entry)
            if before:
                restored[row.pk] = before
                if len(before) < len(entry["before"]):
                    partly.add(row.pk)
                else:
                    follows[row.pk] = entry["follows"]
            else:
                done["changed"] += 1
        elif _plain(_values_of(record, row)) != entry["after"]:
            done["changed"] += 1
        elif row.pk in used:
            done["used"] += 1
        elif row.pk in kept:
            done["refused"] += 1
        elif record.delete is None or record.delete_many is not None:
            removed.append(row.pk)
        else:
            done[_delete(by, record, row)] += 1
    if removed and record.delete_many is not None:
        count = record.delete_many(by=by, ids=removed)
        done += Counter(removed=count, refused=len(removed) - count)
    elif removed:
        # Nothing but its parts refers to them.
        record.model._default_manager.filter(pk__in=removed).delete()
        done["removed"] += len(removed)
    with restoring():
        stored = update_rows(by, record, restored)
    for pk, made in stored.items():
        kind = "partly" if pk in partly else "restored"
        done["refused" if isinstance(made, AppError) else kind] += 1
        if pk in follows and not isinstance(made, AppError):
            put_back(record, pk, follows[pk])
    for entry in related:
        _remove_related(by, record, entry)
    return done


def _remove_related(by: Principal, record: Record, entry: Mapping[str, Any]) -> None:
    """Delete a related row that the import added, unless it was used or changed since."""
    field = record.field(entry["field"])
    if isinstance(field, RelationField) and field.remove is not None:
        with suppress(AppError), transaction.atomic():
            field.remove(by=by, pk=entry["added"])


def _used(record: Record, rows: Sequence[Any]) -> set[Any]:
    """Return the keys of the rows to which something refers that is no part of them: a note too."""
    used: set[Any] = set()
    for relation in record.model._meta.related_objects:
        related: Any = relation.related_model
        if related not in record.parts:
            name = relation.field.name
            theirs = related._base_manager.filter(**{f"{name}__in": rows})
            used |= set(theirs.values_list(name, flat=True))
    notes = Note.objects.filter(record=record.slug, row_id__in=[row.pk for row in rows])
    return used | set(notes.values_list("row_id", flat=True))


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
