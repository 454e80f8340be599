"""Thread pool for blocking work in asynchronous code.

Django's own bridge gives all sockets of a process one thread, so one slow query would block them
all. This pool is bounded and its threads manage their database connections.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections, connections

from crm.core import lock_timeout

P = ParamSpec("P")
T = TypeVar("T")

_pool: ThreadPoolExecutor | None = None


def _executor() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(
            max_workers=settings.ASGI_BLOCKING_THREADS, thread_name_prefix="blocking"
        )
    return _pool


def _with_clean_connections(call: Callable[[], T]) -> T:
    close_old_connections()
    try:
        with lock_timeout.limited():
            return call()
    finally:
        # Back into psycopg's pool: a thread that waits must not hold a connection.
        connections.close_all()


async def run_sync(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work off the event loop, with the caller's context variables."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        _executor(),
        lambda: context.run(_with_clean_connections, lambda: call(*args, **kwargs)),
    )
