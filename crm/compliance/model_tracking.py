"""Registry of audited models and fields.

An app registers its models in ``ready``; `crm.compliance.database` creates triggers from them, so
that bulk updates and manual SQL are audited too. Records with a timeline are audited without it:
all their fields, as values that can be erased.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from crm.core.permissions import Module
from crm.core.records import Record, records


@dataclass(frozen=True, slots=True)
class Tracked:
    """The audit settings of one model. All fields are named as in Django.

    ``kind`` is the object type and the prefix of the actions: ``customer.updated``. The chain holds
    the values of ``plain`` fields; those of ``beside`` can be erased, as they concern ``subject``
    (type, field with the id); of ``hidden`` ones only the name is recorded. Other fields are not
    audited. ``named`` are actions of an update that sets a field for the first time, ``actions``
    replace those of an operation. ``actor`` is the field with the actor, where no other source has
    it. ``organization`` is the field with the organization; with ``member`` it is recorded in each
    organization of that user.
    """

    model: type[Model]
    kind: str
    plain: Sequence[str] = ()
    beside: Sequence[str] = ()
    hidden: Sequence[str] = ()
    subject: tuple[str, str] | None = None
    organization: str = "organization"
    member: str | None = None
    actor: str | None = None
    identity: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def watched(self) -> list[str]:
        return self._columns((*self.plain, *self.beside, *self.hidden))

    def spec(self) -> str:
        """Return the trigger's argument."""
        usual = {"INSERT": "created", "UPDATE": "updated", "DELETE": "deleted"}
        arguments: dict[str, Any] = {
            "type": self.kind,
            "id": self._column(self.identity or self.model._meta.pk.name),
            "plain": self._columns(self.plain),
            "beside": self._columns(self.beside),
            "hidden": self._columns(self.hidden),
            "set": {self._column(name): action for name, action in self.named.items()},
            "actions": {op: f"{self.kind}.{word}" for op, word in usual.items()}
            | dict(self.actions),
        }
        if self.member:
            arguments["member"] = self._column(self.member)
        else:
            arguments["organization"] = self._column(self.organization)
        if self.subject:
            arguments["subject_type"] = self.subject[0]
            arguments["subject_column"] = self._column(self.subject[1])
        if self.actor:
            arguments["actor"] = self._column(self.actor)
        return json.dumps(arguments, sort_keys=True)

    def _column(self, name: str) -> str:
        field: Any = self.model._meta.get_field(name)
        return str(field.column)

    def _columns(self, names: Sequence[str]) -> list[str]:
        return [self._column(name) for name in names]


_tracked: dict[str, Tracked] = {}


def track(*wanted: Tracked) -> None:
    """Register models, effective with the next ``migrate``; registering again replaces the
    settings.
    """
    for each in wanted:
        _tracked[each.table] = each


def tracked() -> list[Tracked]:
    """Return the settings of all audited models, once all apps are ready."""
    found = {each.table: each for each in map(_of_record, _with_timeline())} | _tracked
    return [found[table] for table in sorted(found)]


def kinds() -> dict[str, Tracked]:
    return {each.kind: each for each in tracked()}


def tracked_as(record: Record) -> Tracked:
    """Return the settings of the model of a record with a timeline."""
    return _tracked.get(record.model._meta.db_table) or _of_record(record)


def areas_of_records() -> dict[str, Module]:
    """Return the permission area of each kind that is a record's."""
    return {tracked_as(record).kind: record.area for record in _with_timeline()}


def _with_timeline() -> list[Record]:
    return [record for record in records() if record.has_timeline]


def _of_record(record: Record) -> Tracked:
    options = record.model._meta
    times = {"created_at", "updated_at"}
    kind = str(options.model_name)
    return Tracked(
        record.model,
        kind,
        beside=[
            field.name for field in record.fields if field.is_audited and field.name not in times
        ],
        subject=(kind, options.pk.name),
    )
