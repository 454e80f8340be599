"""The operator's overview: stores, queues, checks; renders quickly with stores unavailable.

Each part is queried separately and with a timeout; an unavailable store is reported, and not
queried again for the other parts. The results are shared for a few seconds.
"""

import contextvars
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Any, cast

import pymongo
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpRequest
from django.utils import timezone
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from crm.authentication.models import Impersonation
from crm.core import stores, tenancy
from crm.core.errors import AppError
from crm.core.mail.models import Mail
from crm.operations import canary, gauges, stats
from crm.operations.models import CheckRun
from crm.operations.readiness import readiness_check
from crm.operations.runs import last_runs
from crm.operations.stats import MOST
from crm.organizations.models import Organization, User

KEPT_SECONDS = 5.0
# For all that is asked at once; a probe before took one second at most.
PATIENCE_SECONDS = 1.5
IMPERSONATIONS_SHOWN = 5
_AWAY = (AppError, DatabaseError, PyMongoError, RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Queue:
    """``age`` is in seconds since the last task passed through; None without one."""

    name: str
    length: int
    age: float | None

    @property
    def is_fresh(self) -> bool:
        return self.age is not None and self.age <= canary.STALE_SECONDS


@dataclass(frozen=True, slots=True)
class Queues:
    queues: list[Queue]
    in_work: int
    is_beating: bool


@dataclass(frozen=True, slots=True)
class Emails:
    """``oldest`` is the time of the oldest waiting email; ``given_up`` counts thirty days."""

    waiting: int
    oldest: datetime | None
    given_up: int


@dataclass(frozen=True, slots=True)
class OverviewFacts:
    """Statistics from PostgreSQL."""

    emails: Emails
    stats: list[tuple[Any, str, int]]
    runs: dict[str, CheckRun | None]


@dataclass(slots=True)
class Overview:
    """A part that is None is unavailable; ``stores`` has the reason."""

    at: datetime
    stores: dict[str, bool]
    queues: Queues | None = None
    effects: dict[str, float] | None = None
    facts: OverviewFacts | None = None

    @property
    def is_sound(self) -> bool:
        queues = self.queues
        return (
            all(self.stores.values())
            and queues is not None
            and queues.is_beating
            and all(queue.is_fresh for queue in queues.queues)
        )


class Board:
    """Caches the overview for a few seconds, for all operators."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="overview")
        self._lock = Lock()
        self._kept: Overview | None = None
        self._kept_at = -math.inf
        self._asked: dict[str, Future[Any]] = {}

    def overview(self) -> Overview:
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept_at >= KEPT_SECONDS:
                self._kept = self._find_out()
                self._kept_at = time.monotonic()
            return self._kept

    def _find_out(self) -> Overview:
        up = readiness_check().result().stores
        found = Overview(at=timezone.now(), stores=dict(up))
        wanted: dict[str, Callable[[], Any]] = {}
        if up["redis"]:
            wanted["queues"] = _queues
        if up["mongodb"]:
            wanted["effects"] = _effects
        if up["postgresql"]:
            wanted["facts"] = _facts
        for name, ask in wanted.items():
            # One that still hangs is not asked again: it would hold one thread more each time.
            if name not in self._asked or self._asked[name].done():
                context = contextvars.copy_context()
                self._asked[name] = self._pool.submit(context.run, _with_own_connections, ask)
        asked = {name: self._asked[name] for name in wanted}
        wait(asked.values(), timeout=PATIENCE_SECONDS)
        for name, future in asked.items():
            if future.done():
                setattr(found, name, future.result())
        return found


@cache
def board() -> Board:
    """Return the process's board; created on first use, hence after any fork."""
    return Board()


def overview_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the admin's index; registered in unfold's settings."""
    overview = board().overview()
    user: Any = request.user
    recent = []
    if user.has_perm("authentication.view_impersonation"):
        newest = Impersonation.objects.newest_first()
        recent = list(
            newest.select_related("operator", "user", "organization")[:IMPERSONATIONS_SHOWN]
        )
    return {**context, "overview": overview, "recent": recent, "most": MOST}


def _with_own_connections(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except _AWAY:
        return None
    finally:
        connections.close_all()


def _queues() -> Queues:
    redis: Any = stores.redis()
    pipe = redis.pipeline(transaction=False)
    for name in canary.QUEUES:
        pipe.llen(name)
    # What workers have taken and not yet done.
    pipe.hlen("unacked")
    *lengths, in_work = cast("list[int]", pipe.execute())
    ages = canary.ages(redis)
    return Queues(
        queues=[
            Queue(name, length, None if math.isinf(ages[name]) else ages[name])
            for name, length in zip(canary.QUEUES, lengths, strict=True)
        ],
        in_work=in_work,
        is_beating=canary.is_sent(redis),
    )


def _effects() -> dict[str, float]:
    with pymongo.timeout(PATIENCE_SECONDS):
        return {
            figure.name: next(iter(figure.measure().values()), 0.0)
            for figure in gauges.registered()
            if figure.name.startswith("pending_effect")
        }


def _facts() -> OverviewFacts:
    with tenancy.all_tenants("The operator's overview."), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(PATIENCE_SECONDS * 1000)}")
        return OverviewFacts(
            emails=_emails(),
            stats=[(each.label, each.icon, each.count()) for each in stats.registered()],
            runs=last_runs(),
        )


def _emails() -> Emails:
    waiting = Mail.objects.filter(sent_at__isnull=True, given_up_at__isnull=True)
    lately = timezone.now() - timedelta(days=30)
    given_up = Mail.objects.filter(created_at__gte=lately, given_up_at__isnull=False)
    oldest = waiting.order_by("due_at").values_list("created_at", flat=True).first()
    return Emails(waiting[:MOST].count(), oldest, given_up[:MOST].count())


def active_organizations() -> int:
    return Organization.objects.filter(is_active=True)[:MOST].count()


def active_people() -> int:
    return User.objects.filter(is_active=True)[:MOST].count()
