"""What the audit knows of a row, in the row's timeline: who created and changed it, and what.

Whoever may see a row may see its history; the audit as a whole is for who manages the settings.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from crm.compliance.model_tracking import tracked_as
from crm.compliance.models import ActorKind, AuditEntry, AuditValues
from crm.compliance.presentation import actors_of, label_of
from crm.core.records import Field
from crm.core.records.stored_values import StoredValues
from crm.core.records.timeline import Asked, Change, Entry, Source, register_source
from crm.customers.models import Customer

CHANGES = "changes"
_ICONS = {"created": "plus"}
# Changed fields of one entry, by name: the values before and after; none where they are not kept.
_Changes = list[tuple[Field, Any]]


def changes_of(asked: Asked) -> list[Entry]:
    """Return entries with the declared fields of the record; others are not named."""
    kind = tracked_as(asked.record).kind
    rows = AuditEntry.objects.of(asked.reader.organization_id).about(kind, str(asked.row.pk))
    found: list[AuditEntry] = asked.newest(rows, CHANGES, at="at", key="id")
    if not found:
        return []
    kept = AuditValues.objects.personal(found)
    changed: dict[UUID, _Changes] = {}
    for entry in found:
        values = kept.get((entry.organization_id, entry.at))
        data = values.data if values and values.data else {}
        changed[entry.pk] = _changed(asked, entry, data)
    used = [
        (field, value)
        for changes in changed.values()
        for field, pair in changes
        if pair is not None
        for value in pair
    ]
    words = StoredValues(asked.reader, used)
    actors = actors_of(found, customers=Customer.objects.visible_to(asked.reader))
    return [
        Entry(
            kind=CHANGES,
            id=entry.pk,
            at=entry.at,
            title=label_of(entry.action),
            icon=_ICONS.get(entry.action.partition(".")[2], "pencil"),
            actor="" if entry.actor_kind == ActorKind.DATABASE else actors[entry.pk],
            changes=[_change(words, field, pair) for field, pair in changed[entry.pk]],
        )
        for entry in found
    ]


def _changed(asked: Asked, entry: AuditEntry, data: Mapping[str, Any]) -> _Changes:
    if entry.action.endswith(".created"):
        # Its values are what the page shows, or are told as changed later on.
        return []
    pairs = {**dict.fromkeys(entry.details.get("fields", ())), **entry.details.get("changes", {})}
    pairs |= data
    by_column = {str(field.column.column): field for field in asked.record.fields}
    return [(field, pairs[name]) for name, field in by_column.items() if name in pairs]


def _change(words: StoredValues, field: Field, pair: Any) -> Change:
    before, after = (None, None) if pair is None else (words.shown(field, each) for each in pair)
    return Change(field.name, field.heading, before, after)


register_source(Source(key=CHANGES, label=_("Changes"), read=changes_of, rank=20))
