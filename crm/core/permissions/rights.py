"""Permissions as a value: areas, levels, the levels of a role or API key, and scopes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Module(TextChoices):
    INBOX = "inbox", _("Inbox")
    CUSTOMERS = "customers", _("Customers")
    DEALS = "deals", _("Deals")
    KNOWLEDGE = "knowledge", _("Knowledge")
    SETTINGS = "settings", _("Settings")
    BILLING = "billing", _("Billing")


class Action(StrEnum):
    READ = "read"
    WRITE = "write"


READ, WRITE = Action.READ, Action.WRITE


class Level(IntEnum):
    """The scope of a permission; each level includes the one before it."""

    NONE = 0
    OWN = 1
    TEAM = 2
    ALL = 3

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def label(self) -> str:
        return str(_LABELS[self])

    @classmethod
    def of(cls, key: str) -> "Level":
        """Parse a stored level; an unknown one is NONE."""
        return _BY_KEY.get(key, cls.NONE)


_BY_KEY = {level.key: level for level in Level}
_LABELS = {
    Level.NONE: pgettext_lazy("level", "None"),
    Level.OWN: pgettext_lazy("level", "Own"),
    Level.TEAM: pgettext_lazy("level", "Team"),
    Level.ALL: pgettext_lazy("level", "All"),
}

# Areas without owners: there is no level between none and all.
_WHOLE = (Level.NONE, Level.ALL)
LEVELS: dict[Module, tuple[Level, ...]] = {
    area: _WHOLE if area in {Module.SETTINGS, Module.BILLING} else tuple(Level) for area in Module
}


@dataclass(frozen=True, slots=True)
class Grant:
    """The levels of one area; the write level never exceeds the read level."""

    read: Level = Level.NONE
    write: Level = Level.NONE

    def __post_init__(self) -> None:
        if self.write > self.read:
            raise ValueError("A level of changing is above the level of seeing.")

    def beyond(self, other: "Grant") -> "Grant":
        """Return the levels that exceed the other's; a write level implies the same read level."""
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
        """Return the permissions as JSON: ``{area: {"read": level, "write": level}}``."""
        return {
            str(area): {"read": self[area].read.key, "write": self[area].write.key}
            for area in Module
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Rights":
        """Parse the result of ``stored``; invalid parts give no permission."""
        grants = {}
        for area in Module:
            levels = stored.get(str(area))
            if not isinstance(levels, Mapping):
                continue
            read = _allowed(area, Level.of(str(levels.get("read"))))
            write = _allowed(area, Level.of(str(levels.get("write"))))
            grants[area] = Grant(read=read, write=min(read, write))
        return cls(grants)


def _allowed(area: Module, level: Level) -> Level:
    return level if level in LEVELS[area] else Level.NONE


NO_RIGHTS = Rights()
ALL_RIGHTS = Rights({area: Grant(read=Level.ALL, write=Level.ALL) for area in Module})


SCOPES: tuple[str, ...] = tuple(f"{area}:{action}" for area in Module for action in Action)


def rights_of_scopes(scopes: Iterable[str]) -> Rights:
    """Return the permissions of these scopes; write includes read. Unknown scopes are ignored."""
    named = set(scopes)
    grants = {}
    for area in Module:
        write = Level.ALL if f"{area}:{WRITE}" in named else Level.NONE
        read = Level.ALL if f"{area}:{READ}" in named else write
        grants[area] = Grant(read=read, write=write)
    return Rights(grants)


def scopes_of(rights: Rights) -> tuple[str, ...]:
    """Return the scopes that a principal may put on a key: those at the level ``all``."""
    return tuple(
        f"{area}:{action}"
        for area in Module
        for action in Action
        if rights.level(area, action) == Level.ALL
    )
