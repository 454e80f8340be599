"""Working as the owner of the tables, whom no policy holds: migrations, and nothing in between."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

from crm.core.database.base import DatabaseWrapper


@contextmanager
def as_owner(alias: str = DEFAULT_DB_ALIAS) -> Iterator[DatabaseWrapper]:
    """Connect this thread as the owner until the end; not inside a transaction."""
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        raise TypeError(f"The database {alias} has another ENGINE than crm.core.database.")
    with connection.as_owner():
        yield connection
