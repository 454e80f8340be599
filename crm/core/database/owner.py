"""Connections as the tables' owner, to whom no policy applies: for migrations."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

from crm.core.database.base import DatabaseWrapper


@contextmanager
def as_owner(alias: str = DEFAULT_DB_ALIAS) -> Iterator[DatabaseWrapper]:
    """Connect this thread as the owner inside the block; not inside a transaction."""
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        raise TypeError(f"The database {alias} has another ENGINE than crm.core.database.")
    with connection.as_owner():
        yield connection
