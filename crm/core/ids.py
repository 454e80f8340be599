"""Identifiers that sort by the time they were made."""

import uuid

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Give a UUID of version 7 as the standard library's type."""
    return compat.uuid7()
