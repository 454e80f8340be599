"""The time for which a request waits for a lock, as PostgreSQL's ``lock_timeout``.

Whoever waits holds one of the process's connections. What is asked from outside waits a little and
is told to try again (`crm.core.errors.Busy`); jobs, workers and commands wait as long as it takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

# Longer than what holds a lock usually takes.
REQUEST_PATIENCE_SECONDS = 3.0
_is_limited: ContextVar[bool] = ContextVar("lock_timeout_is_limited", default=False)


@contextmanager
def limited() -> Iterator[None]:
    """Limit the wait for each lock of the block's transactions to REQUEST_PATIENCE_SECONDS."""
    token = _is_limited.set(True)
    try:
        yield
    finally:
        _is_limited.reset(token)


def statement_for(query: object, *, is_alone: bool) -> str | None:
    """Return what must precede the first statement of a transaction; None where nothing must.

    A read on its own (``is_alone``) waits for no row's lock.
    """
    if not _is_limited.get():
        return None
    if is_alone and isinstance(query, str) and query.startswith("SELECT"):
        return None
    return f"SET LOCAL lock_timeout = {REQUEST_PATIENCE_SECONDS * 1000:.0f}"


def lock_timeout_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        with limited():
            return get_response(request)

    return answer
