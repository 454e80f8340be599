"""Cached answers (one hour) and question counts, in Redis. Without Redis there is neither."""

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from redis.exceptions import RedisError

from crm.core import stores
from crm.core.observability.logging import record_cache_use, record_store_use
from crm.core.redis_values import expect_type, object_of, text_of
from crm.core.text.folding import identity_key

logger = logging.getLogger(__name__)
KEEP_SECONDS = 3600
POPULAR_KEPT = 500


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a cached answer: ``response_cache:{org}:{hash}``."""

    name: str

    @classmethod
    def of(cls, organization_id: UUID, version: int, question: str, language: str) -> "Key":
        """Return the key of a question, case-insensitive; a new version of the knowledge is a new
        key.

        Accents and punctuation inside words are significant: "Bò" and "Bơ", "C#" and "C++" differ.
        """
        asked = identity_key(question).rstrip(" .?!…")
        digest = hashlib.sha256(f"{version}\n{language}\n{asked}".encode()).hexdigest()[:32]
        return cls(f"response_cache:{organization_id}:{digest}")


def read(key: Key) -> dict[str, Any] | None:
    try:
        kept = stores.redis().get(key.name)
        record_store_use("redis")
    except RedisError as error:
        _log_failure(error)
        return None
    found = object_of(kept)
    record_cache_use(hit=found is not None)
    return dict(found) if found is not None else None


def write(key: Key, answer: dict[str, Any]) -> None:
    try:
        stores.redis().set(key.name, json.dumps(answer), ex=KEEP_SECONDS)
    except RedisError as error:
        _log_failure(error)


def count(organization_id: UUID, question: str) -> None:
    """Increment the count of a FAQ's question.

    Only the organization's own text is stored, never a visitor's: it may contain a phone number.
    """
    name = popular_key(organization_id)
    try:
        pipe = stores.redis().pipeline(transaction=False)
        expect_type(pipe, name, "zset")
        pipe.zincrby(name, 1, question)
        # Bounded: the least asked beyond the limit go.
        pipe.zremrangebyrank(name, 0, -POPULAR_KEPT - 1)
        pipe.execute()
    except RedisError as error:
        _log_failure(error)


def popular(organization_id: UUID, *, limit: int = 10) -> list[tuple[str, int]]:
    """Return the most frequent questions with their counts."""
    name = popular_key(organization_id)
    try:
        found = stores.redis().zrevrange(name, 0, limit - 1, withscores=True)
    except RedisError as error:
        _log_failure(error)
        return []
    pairs = cast("list[tuple[bytes, float]]", found)
    return [(text_of(question), int(times)) for question, times in pairs]


def popular_key(organization_id: UUID) -> str:
    return f"popular_questions:{organization_id}"


def _log_failure(error: RedisError) -> None:
    logger.warning(
        "Answers are not kept: Redis does not answer.",
        extra={"metadata": {"error": type(error).__name__}},
    )
