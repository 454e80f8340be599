"""Waiting for a lock, bounded: each waiting request holds one of the process's connections."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from crm.core.errors import AppError

# Longer than what holds a lock usually takes, shorter than others wait for a connection.
PATIENCE_SECONDS = 5.0


@contextmanager
def waiting_at_most(refusal: AppError, seconds: float | None = None) -> Iterator[None]:
    """Raise ``refusal`` where a lock that the block takes is held longer than PATIENCE_SECONDS.

    Within a transaction, whose later locks are waited for no longer either; the refusal ends it.
    """
    patience = f"{(seconds or PATIENCE_SECONDS) * 1000:.0f}ms"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [patience])
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise refusal from error
