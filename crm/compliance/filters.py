"""Filters of entries, shared by page, export and API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from crm.compliance.managers import AuditEntryQuerySet


def object_key(text: str) -> str:
    """Return an id as entries have it: a UUID with hyphens in lower case, others unchanged."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty members do not filter; ``until`` is exclusive, ``without`` excludes object types."""

    actor: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    without: tuple[str, ...] = ()

    def narrow(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        if self.actor:
            entries = entries.by_actor(self.actor)
        if self.action:
            entries = entries.filter(action=self.action)
        entries = entries.about(self.object_type, self.object_id)
        if self.since:
            entries = entries.since(self.since)
        if self.until:
            entries = entries.before(self.until)
        return entries.without(self.without)

    def stored(self) -> dict[str, Any]:
        """Return the active filters as JSON, for `load`."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
            if value
        }

    @classmethod
    def load(cls, stored: dict[str, Any]) -> "Filters":
        values = dict(stored)
        values["without"] = tuple(values.get("without", ()))
        for name in ("since", "until"):
            if name in values:
                values[name] = datetime.fromisoformat(values[name])
        return cls(**values)
