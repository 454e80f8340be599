"""Permissions as a value: a read level and a write level for each area."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.core.permissions.modules import LEVELS, READ, Action, Level, Module


@dataclass(frozen=True, slots=True)
class Grant:
    """The levels of one area; the write level never exceeds the read level."""

    read: Level = Level.NONE
    write: Level = Level.NONE

    def __post_init__(self) -> None:
        if self.write > self.read:
            raise ValueError("A level of changing is above the level of seeing.")

    def beyond(self, other: "Grant") -> "Grant":
        """Return what is higher than the other's. To change something further is to see it."""
        write = self.write if self.write > other.write else Level.NONE
        return Grant(read=self.read if self.read > other.read else write, write=write)


NOTHING = Grant()


@dataclass(frozen=True, slots=True)
class Rights:
    """Permissions by area; an area that is missing has none."""

    grants: Mapping[Module, Grant] = field(default_factory=dict)

    def __getitem__(self, area: Module) -> Grant:
        return self.grants.get(area, NOTHING)

    def level(self, area: Module, action: Action = READ) -> Level:
        grant = self[area]
        return grant.read if action == READ else grant.write

    def covers(self, other: "Rights") -> bool:
        """Return whether every permission of the other is included here."""
        return all(
            other.level(area, action) <= self.level(area, action)
            for area in Module
            for action in Action
        )

    def limited_to(self, other: "Rights") -> "Rights":
        """Return the permissions that both include."""
        return Rights(
            {
                area: Grant(
                    read=min(self[area].read, other[area].read),
                    write=min(self[area].write, other[area].write),
                )
                for area in Module
            }
        )

    def beyond(self, other: "Rights") -> "Rights":
        """Return the permissions whose level is higher than the other's, at their level here."""
        return Rights({area: self[area].beyond(other[area]) for area in Module})

    def stored(self) -> dict[str, dict[str, str]]:
        """Return it as JSON: ``{area: {read: level, write: level}}``."""
        return {
            str(area): {"read": self[area].read.key, "write": self[area].write.key}
            for area in Module
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Rights":
        """Parse the result of ``stored``; invalid parts give no permission."""
        grants = {}
        for area in Module:
            told = stored.get(str(area))
            if not isinstance(told, Mapping):
                continue
            read = _allowed(area, Level.of(str(told.get("read"))))
            write = _allowed(area, Level.of(str(told.get("write"))))
            grants[area] = Grant(read=read, write=min(read, write))
        return cls(grants)


def _allowed(area: Module, level: Level) -> Level:
    return level if level in LEVELS[area] else Level.NONE


NO_RIGHTS = Rights()
