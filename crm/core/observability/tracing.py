"""Trace of one unit of work: its correlation id and the stores it used.

One id is passed from an HTTP request or a socket's frame to every task that it queues. The context
variable holds one shared object, so that a store used in a helper thread is recorded for the
request that waits for it.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

# What a foreign id may look like: it ends up in log lines, headers and other systems.
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


@dataclass(slots=True)
class Trace:
    """One request, frame or task; ``user_of`` is called when a line is logged."""

    correlation_id: str
    user_of: Callable[[], str | None] = lambda: None
    stores: set[str] = field(default_factory=set)
    cache_hit: bool | None = None

    def used(self) -> dict[str, object]:
        """Return the stores for the log line; ``cache_hit`` only where a cache was read."""
        fields: dict[str, object] = {"databases_used": sorted(self.stores)}
        if self.cache_hit is not None:
            fields["cache_hit"] = self.cache_hit
        return fields


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def accept_id(candidate: object) -> str:
    """Return a client's correlation id if it is well-formed, else a new one."""
    if isinstance(candidate, str) and SAFE_ID.fullmatch(candidate):
        return candidate
    return uuid.uuid4().hex


def current_trace() -> Trace | None:
    return _current.get()


def current_correlation_id() -> str | None:
    """Return the correlation id of the current work, else None."""
    trace = _current.get()
    return trace.correlation_id if trace else None


@contextmanager
def bind_trace(trace: Trace) -> Iterator[Trace]:
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def bind_correlation_id(candidate: object = None, *, user_id: str | None = None) -> Iterator[Trace]:
    """Run a block as one traced unit of work, for example the handling of a socket's frame.

    ``candidate`` continues an id from elsewhere; an invalid id is replaced.
    """
    with bind_trace(Trace(accept_id(candidate), user_of=lambda: user_id)) as trace:
        yield trace


def record_store_use(name: str) -> None:
    """Add a store to ``databases_used`` of the current work."""
    if trace := _current.get():
        trace.stores.add(name)


def record_cache_use(*, hit: bool) -> None:
    """Record whether the current work was answered from a cache."""
    if trace := _current.get():
        trace.cache_hit = hit
