"""Registry of audited models and fields.

An app registers its models in ``ready``; `crm.compliance.database` creates triggers from them, so
that bulk updates and manual SQL are audited too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model


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
    """Register models, effective with the next ``migrate``; registering again replaces the
    settings.
    """
    for each in wanted:
        _tracked[each.table] = each


def tracked() -> list[Tracked]:
    return [_tracked[table] for table in sorted(_tracked)]


def kinds() -> dict[str, Tracked]:
    return {each.kind: each for each in tracked()}
