"""Names of time zones, and the model field that stores one."""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _


@cache
def zone_names() -> frozenset[str]:
    """Return the zone names of the installed IANA database, including deprecated ones."""
    return frozenset(available_timezones())


def validate_zone(name: str) -> None:
    if name not in zone_names():
        raise ValidationError(_("Use a name of the IANA database: Asia/Ho_Chi_Minh."), "invalid")


def zone_of(name: str) -> ZoneInfo:
    """Return a stored zone; UTC for a name that the installed database does not know (any more)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


class TimeZoneField(models.CharField):
    """Name of a time zone. Migrations see Django's CharField."""

    default_validators = [validate_zone]

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
