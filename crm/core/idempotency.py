"""Idempotent execution under a key."""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from crm.core.api.exceptions import (
    IdempotencyInFlight,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
)
from crm.core.database.locks import try_lock
from crm.core.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PURGE_BATCH = 5_000
# Requests of one person that wait for the answer of an equal one, in this process.
MAX_WAITING = 2
_PAUSE_SECONDS = 0.1
_pause = time.sleep
_waiting: Counter[str] = Counter()
_waiting_lock = threading.Lock()


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
    ``wait_seconds`` at most, by MAX_WAITING of one actor, and without a connection. After
    ``redirects_kept_for`` an answer with a location is forgotten, and the request is carried out
    again. Raise IdempotencyKeyInvalid, IdempotencyKeyReused (the key
    was used for another request) and IdempotencyInFlight.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid
    with _locked(f"{organization_id}|{actor}", key, wait_seconds):
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
    _redirects(organization_id, actor, prefix, before).delete()


def empty_redirects(
    *, organization_id: UUID | None, actor: str, prefix: str, before: datetime
) -> None:
    """Empty such answers: that they were given stays known."""
    _redirects(organization_id, actor, prefix, before).exclude(body="").update(body="")


def _redirects(
    organization_id: UUID | None, actor: str, prefix: str, before: datetime
) -> QuerySet[IdempotentRequest]:
    return IdempotentRequest.objects.filter(
        organization_id=organization_id,  # type: ignore[misc]  # None looks for NULL
        actor=actor,
        key__startswith=prefix,
        created_at__lt=before,
    ).exclude(location="")


def forget_redirects_of_all(*, prefix: str, before: datetime) -> None:
    """Forget everybody's answers with a location under such keys from before a moment."""
    old = IdempotentRequest.objects.filter(key__startswith=prefix, created_at__lt=before)
    old.exclude(location="").delete()


def forget_bodies(*, prefix: str, before: datetime) -> None:
    """Empty everybody's answers under such keys from before a moment."""
    old = IdempotentRequest.objects.filter(key__startswith=prefix, created_at__lt=before)
    old.exclude(body="").update(body="")


def purge_idempotent_requests() -> int:
    """Delete expired responses. Return their number."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    removed = 0
    while found := list(old.values_list("pk", flat=True)[:_PURGE_BATCH]):
        removed += IdempotentRequest.objects.filter(pk__in=found).delete()[0]
    return removed


@contextmanager
def _locked(person: str, key: str, wait_seconds: int) -> Iterator[None]:
    """Hold the lock of a request in a transaction. Raise IdempotencyInFlight."""
    name = f"{person}|{key}"
    with transaction.atomic():
        is_free = try_lock(name)
        if is_free:
            yield
    if is_free:
        return
    if not wait_seconds or connection.in_atomic_block:
        raise IdempotencyInFlight(extra={"retry_after": 1})
    with _place_to_wait(person):
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            # Others use the connection meanwhile.
            connection.close()
            _pause(_PAUSE_SECONDS)
            with transaction.atomic():
                is_free = try_lock(name)
                if is_free:
                    yield
            if is_free:
                return
    raise IdempotencyInFlight(extra={"retry_after": 1})


@contextmanager
def _place_to_wait(person: str) -> Iterator[None]:
    """Count the block as one that waits. Raise IdempotencyInFlight beyond MAX_WAITING."""
    with _waiting_lock:
        if _waiting[person] >= MAX_WAITING:
            raise IdempotencyInFlight(extra={"retry_after": 1})
        _waiting[person] += 1
    try:
        yield
    finally:
        with _waiting_lock:
            _waiting[person] -= 1
            if not _waiting[person]:
                del _waiting[person]
