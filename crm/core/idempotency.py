"""Idempotent execution under a key."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from crm.core.api.exceptions import (
    IdempotencyInFlight,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
)
from crm.core.database.locks import waiting_at_most
from crm.core.errors import Collided
from crm.core.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PURGE_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The response of a request; ``body`` is JSON as sent.

    One with ``is_kept=False`` changed nothing, and the same request may be tried again.
    """

    status: int
    body: str
    location: str = ""
    is_kept: bool = True


def fingerprint_of(*parts: Any) -> str:
    """Return a hash of the request's content, independent of JSON formatting."""
    plain = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def answer_once(
    *,
    organization_id: UUID | None,
    actor: str,
    key: str,
    fingerprint: str,
    act: Callable[[], StoredResponse],
    wait_seconds: int = 0,
    redirects_kept_for: timedelta = KEPT_FOR,
) -> tuple[StoredResponse, bool]:
    """Return the response of ``act``, and whether it is a stored one.

    ``organization_id`` is None in the operator's admin, whose scope is all organizations.
    ``act`` runs in the transaction that stores its response. When it raises, neither is stored, so
    the same request may be tried again. A concurrent identical request is waited for,
    ``wait_seconds`` at most. After ``redirects_kept_for`` an answer with a location is forgotten,
    and the request is carried out again. Raise IdempotencyKeyInvalid, IdempotencyKeyReused (the key
    was used for another request) and IdempotencyInFlight.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid
    with transaction.atomic():
        # The lock ends with the transaction, also with one that a crash or a lost connection ends.
        if not _lock(f"{organization_id}|{actor}|{key}", wait_seconds):
            raise IdempotencyInFlight(extra={"retry_after": 1})
        mine = IdempotentRequest.objects.filter(
            organization_id=organization_id,  # type: ignore[misc]  # None looks for NULL
            actor=actor,
            key=key,
        )
        before = mine.first()
        now = timezone.now()
        kept_for = redirects_kept_for if before is not None and before.location else KEPT_FOR
        if before is not None and before.is_kept(now - kept_for):
            if before.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            return StoredResponse(before.status, before.body, before.location), True
        if before is not None:
            mine.delete()
        answer = act()
        if not answer.is_kept:
            return answer, False
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


def forget_redirects(
    *, organization_id: UUID | None, actor: str, prefix: str, before: datetime
) -> None:
    """Forget the answers with a location that were stored under such keys before a moment."""
    IdempotentRequest.objects.filter(
        organization_id=organization_id,  # type: ignore[misc]  # None looks for NULL
        actor=actor,
        key__startswith=prefix,
        created_at__lt=before,
    ).exclude(location="").delete()


def purge_idempotent_requests() -> int:
    """Delete expired responses. Return their number."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    removed = 0
    while found := list(old.values_list("pk", flat=True)[:_PURGE_BATCH]):
        removed += IdempotentRequest.objects.filter(pk__in=found).delete()[0]
    return removed


def _lock(name: str, wait_seconds: int) -> bool:
    """Take the lock of a request until the transaction ends; return whether it was available."""
    with connection.cursor() as cursor:
        if wait_seconds:
            return _wait_for_lock(cursor, name, wait_seconds)
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _wait_for_lock(cursor: Any, name: str, wait_seconds: int) -> bool:
    try:
        with waiting_at_most(Collided(), wait_seconds), transaction.atomic():
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    except Collided:
        return False
    cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    return True
