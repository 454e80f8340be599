"""The areas that permissions apply to, and their levels."""

from enum import IntEnum, StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Module(TextChoices):
    INBOX = "inbox", _("Inbox")
    CUSTOMERS = "customers", _("Customers")
    SALES = "sales", _("Sales")
    KNOWLEDGE = "knowledge", _("Knowledge")
    MARKETING = "marketing", _("Marketing")
    ANALYTICS = "analytics", _("Analytics")
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

# What belongs to the organization as a whole has no owner: one has a right to it or not.
_WHOLE = (Level.NONE, Level.ALL)
LEVELS: dict[Module, tuple[Level, ...]] = {
    area: _WHOLE if area in {Module.SETTINGS, Module.BILLING} else tuple(Level) for area in Module
}
