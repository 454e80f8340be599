"""The cache in Redis: plain data as JSON; anything else is a miss.

Nothing in Redis is executed. A value that is not our JSON (another program's, an older version's
pickle, a forged or broken one) counts as missing and is overwritten.
"""

import json
import logging
from collections.abc import Collection
from typing import Any

from django_redis.client import DefaultClient
from django_redis.serializers.base import BaseSerializer

logger = logging.getLogger(__name__)


class Unreadable(ValueError):
    """The cached value was not written by this cache."""


class JsonSerializer(BaseSerializer):
    """Serializes what JSON preserves: None, bool, numbers, str, list, dict of str.

    Raise TypeError for anything else.
    """

    def dumps(self, value: Any) -> bytes:
        _require_plain(value)
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()

    def loads(self, value: bytes) -> Any:
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unreadable from error


class CacheClient(DefaultClient):
    """Returns a miss for an unreadable value."""

    def get(
        self, key: str, default: Any = None, version: int | None = None, client: Any = None
    ) -> Any:
        try:
            return super().get(key, default=default, version=version, client=client)
        except Unreadable:
            _report(key)
            return default

    def get_many(
        self, keys: Collection[str], version: int | None = None, client: Any = None
    ) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().get_many(keys, version=version, client=client)
        except Unreadable:
            missing = object()
            each = {key: self.get(key, missing, version, client) for key in keys}
            return {key: value for key, value in each.items() if value is not missing}
        return found


def _require_plain(value: Any) -> None:
    """Raise TypeError for a value that JSON would change silently: tuples, keys that
    are not str.
    """
    if isinstance(value, dict):
        for key, member in value.items():
            if type(key) is not str:
                raise TypeError(f"A key of {type(key).__name__} cannot be cached; use str.")
            _require_plain(member)
    elif isinstance(value, list):
        for member in value:
            _require_plain(member)
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"{type(value).__name__} cannot be cached; make plain data of it.")


def _report(key: str) -> None:
    logger.warning(
        "A value in Redis is not of this cache and is not used.",
        extra={"metadata": {"action": "cache.unreadable", "kind": key.partition(":")[0][:40]}},
    )
