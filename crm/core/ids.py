"""Identifiers that sort by creation time."""

import uuid
from datetime import UTC, datetime

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Return a version 7 UUID as the standard library's type."""
    return compat.uuid7()


def last_uuid7_of(moment: datetime) -> uuid.UUID:
    """Return the largest version 7 UUID of the millisecond of ``moment``, which is after 1970."""
    milliseconds = int(moment.timestamp() * 1000)
    # The version and the variant stand between the other bits, which are all set.
    return uuid.UUID(int=milliseconds << 80 | 0x7FFF << 64 | 0xBFFF_FFFF_FFFF_FFFF)


def moment_of(identifier: uuid.UUID) -> datetime:
    """Return when a version 7 UUID was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
