"""Identifiers that sort by creation time."""

import uuid

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Return a version 7 UUID as the standard library's type."""
    return compat.uuid7()
