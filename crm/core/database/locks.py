"""Waiting for a lock, bounded: each waiting request holds one of the process's connections."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import Model
from psycopg.errors import LockNotAvailable

from crm.core.errors import AppError

# Longer than what holds a lock usually takes, shorter than others wait for a connection.
PATIENCE_SECONDS = 5.0


def try_lock(name: str) -> bool:
    """Take the lock of a name until the transaction ends; return whether it was free.

    It also ends with a transaction that a crash or a lost connection ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def lock_until_commit(*names: object) -> None:
    """Take the lock of these names until the transaction ends, waiting while another holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ["|".join(map(str, names))]
        )


def keep_row(model: type[Model], pk: UUID) -> bool:
    """Keep a row from being deleted until the transaction ends; return False if it is gone.

    For what names a row without a foreign key, which would take the same lock.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM {table} WHERE id = %s FOR KEY SHARE", [pk])
        return bool(cursor.rowcount)


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
