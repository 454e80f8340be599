"""Point ids: unsigned integers, or UUIDs."""

import uuid
from typing import Any

from config.engines.qdrant.refusals import bad_request


def point_id(value: Any, where: str) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    if isinstance(value, str):
        try:
            return str(uuid.UUID(value))
        except ValueError:
            pass
    raise bad_request(f"{where} must be a UUID or a whole number of 0 or more.")
