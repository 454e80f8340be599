"""Serializer fields for integers, timestamps and phone numbers."""

import re
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from crm.core.moments import OUT_OF_RANGE, is_in_range
from crm.core.text.phones import PHONE, normalize_phone

# What JavaScript, and so every JSON, can tell apart.
LARGEST = 2**53 - 1
_PLAIN = re.compile(r"[0-9]{1,16}", re.ASCII)


def whole_number(text: str) -> int | None:
    """Parse ASCII digits, at most LARGEST; None for signs, spaces, underscores, other digits."""
    if not _PLAIN.fullmatch(text) or (number := int(text)) > LARGEST:
        return None
    return number


def moment(text: str) -> datetime:
    """Parse an ISO 8601 timestamp with a time zone and return it in UTC.

    Raise ValueError without a zone, or for a time out of range.
    """
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("The moment has no zone.")
    if not is_in_range(read):
        raise ValueError("The moment is out of range.")
    return read.astimezone(UTC)


class MomentField(serializers.DateTimeField):
    """A time with its offset (RFC 3339), within the range of `crm.core.moments`."""

    default_error_messages = {
        "out_of_range": OUT_OF_RANGE,
        "no_zone": _("Write the time with its offset, as 2026-01-31T09:00:00+07:00."),
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_zone")
        return super().enforce_timezone(value)

    def to_internal_value(self, value: Any) -> datetime:
        read: datetime = super().to_internal_value(value)
        if not is_in_range(read):
            self.fail("out_of_range")
        return read


class PhoneField(serializers.RegexField):
    """A phone number; typographic hyphens and blanks are those of a keyboard."""

    def __init__(self, **options: Any) -> None:
        super().__init__(PHONE, max_length=50, allow_blank=True, **options)

    def to_internal_value(self, data: Any) -> str:
        return normalize_phone(super().to_internal_value(data))


class WholeNumberField(serializers.IntegerField):
    """An integer: a JSON number, or digits where all values are text, as in a query string."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_value", LARGEST)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        number = whole_number(data) if isinstance(data, str) else data
        if not isinstance(number, int) or isinstance(number, bool):
            self.fail("invalid")
        return number
