"""The database wrapper that Django loads by ENGINE."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base, operations
from django.db.transaction import TransactionManagementError
from psycopg_pool import ConnectionPool

from crm.core.database.creation import DatabaseCreation
from crm.core.database.cursors import ScopedCursor, ScopeState

if TYPE_CHECKING:
    from psycopg import Connection


def check_open(connection: "Connection[Any]") -> None:
    """Raise OperationalError where the server has closed an idle connection.

    Only a connection with unread data is checked by a query; the pool's own check queries every
    one.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Return the statement without the scope settings that were sent in front of it."""
        shown = super().last_executed_query(cursor, sql, params)
        front = getattr(cursor, "front", "")
        return shown.removeprefix(front) if isinstance(shown, str) else shown


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as the application's role, and as the tables' owner inside ``as_owner`` only."""

    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Databases are made and dropped by their owner alone.
        self.is_owner = self.alias == NO_DB_ALIAS
        self._said = ScopeState()

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """Connect as the tables' owner, to whom no policy applies: for migrations."""
        if self.is_owner:
            yield
            return
        if self.in_atomic_block:
            raise TransactionManagementError("A transaction cannot change who it is asked by.")
        self.close()
        self.is_owner = True
        try:
            yield
        finally:
            self.close()
            self.is_owner = False

    @property
    def pool(self) -> Any:
        if self.is_owner:
            return None
        pool = super().pool
        if pool is not None and pool._check is ConnectionPool.check_connection:
            pool._check = check_open
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            raise ImproperlyConfigured(
                "server_side_binding sends each statement alone, and row-level security would show "
                "no rows. Remove it from OPTIONS."
            )
        parameters = super().get_connection_params()
        parameters["cursor_factory"] = ScopedCursor
        if self.is_owner:
            names = {"USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
            owner = self.settings_dict.get("OWNER", {})
            parameters |= {name: owner[key] for key, name in names.items() if owner.get(key)}
        return parameters

    def create_cursor(self, name: str | None = None) -> Any:
        if name and not self.is_owner:
            raise NotSupportedError(
                "A cursor that lives on the server tells nobody whose rows it is about. "
                "Keep DISABLE_SERVER_SIDE_CURSORS on."
            )
        cursor = super().create_cursor(name)
        if not self.is_owner:
            cursor.said = self._said
        return cursor
