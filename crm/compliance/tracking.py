"""Which rows are watched, and what of them is told.

An app says it once in its ``ready``; `crm.compliance.database` makes triggers of it, so that bulk
updates and SQL by hand are caught as well.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Tracked:
    """One model. All fields are named as in Django.

    ``kind`` is the object type, and begins the actions: ``customer.updated``. Of ``plain`` fields
    the chain holds the values; those of ``beside`` can be erased, as they tell of ``subject``
    (type, field with the id); of ``hidden`` ones only the name is told. Other fields are not
    watched. ``named`` are actions of an update that sets a field for the first time, ``actions``
    replace those of an operation. ``actor`` is the field with who did it, where nothing else says.
    ``organization`` is the field with the organization; with ``member`` it is told in each
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
        """Give the trigger's argument."""
        usual = {"INSERT": "created", "UPDATE": "updated", "DELETE": "deleted"}
        told: dict[str, Any] = {
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
            told["member"] = self._column(self.member)
        else:
            told["organization"] = self._column(self.organization)
        if self.subject:
            told["subject_type"] = self.subject[0]
            told["subject_column"] = self._column(self.subject[1])
        if self.actor:
            told["actor"] = self._column(self.actor)
        return json.dumps(told, sort_keys=True)

    def _column(self, name: str) -> str:
        field: Any = self.model._meta.get_field(name)
        return str(field.column)

    def _columns(self, names: Sequence[str]) -> list[str]:
        return [self._column(name) for name in names]


_tracked: dict[str, Tracked] = {}


def track(*wanted: Tracked) -> None:
    """Watch these, from the next ``migrate`` on; saying it again replaces what was said."""
    for each in wanted:
        _tracked[each.table] = each


def tracked() -> list[Tracked]:
    return [_tracked[table] for table in sorted(_tracked)]


def kinds() -> dict[str, Tracked]:
    return {each.kind: each for each in tracked()}
