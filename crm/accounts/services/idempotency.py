"""Doing something once, however often it is asked for under the same key."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from config.rest.refusals import (
    IdempotencyInFlight,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
)
from crm.accounts.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PURGE_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; ``body`` is JSON as it went over the wire."""

    status: int
    body: str
    location: str = ""


def fingerprint_of(*parts: Any) -> str:
    """Tell two requests apart by what they ask, and not by how their JSON is written."""
    plain = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def answer_once(
    *,
    organization_id: UUID,
    actor: str,
    key: str,
    fingerprint: str,
    act: Callable[[], Answer],
) -> tuple[Answer, bool]:
    """Give the answer of ``act``, and whether it was given before.

    ``act`` runs in the transaction that keeps its answer. When it raises, neither is kept: a
    refusal changed nothing, so the same request may be tried again. Raises IdempotencyKeyInvalid,
    IdempotencyKeyReused (the key was used for another request) and IdempotencyInFlight.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid
    with transaction.atomic():
        # The lock ends with the transaction, also with one that a crash or a lost connection ends.
        if not _try_lock(f"{organization_id}|{actor}|{key}"):
            raise IdempotencyInFlight(extra={"retry_after": 1})
        mine = IdempotentRequest.objects.filter(
            organization_id=organization_id, actor=actor, key=key
        )
        before = mine.first()
        now = timezone.now()
        if before is not None and before.is_kept(now - KEPT_FOR):
            if before.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            return Answer(before.status, before.body, before.location), True
        if before is not None:
            mine.delete()
        answer = act()
        IdempotentRequest.objects.create(
            organization_id=organization_id,
            actor=actor,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            body=answer.body,
            location=answer.location,
            created_at=now,
        )
        return answer, False


def purge_idempotent_requests() -> int:
    """Remove what is no longer kept; give how many."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    removed = 0
    while found := list(old.values_list("pk", flat=True)[:_PURGE_BATCH]):
        removed += IdempotentRequest.objects.filter(pk__in=found).delete()[0]
    return removed


def _try_lock(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])
