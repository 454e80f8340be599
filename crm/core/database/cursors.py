"""A cursor that sends the tenant scope in the same message as each statement."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import NotSupportedError, sql
from psycopg.abc import Params, Query
from psycopg.pq import TransactionStatus

from crm.core import lock_timeout, tenancy
from crm.core.database.rls_policies import locked_tables_in
from crm.core.tenancy import NOBODY, Scope


class ScopeState:
    """The scope that the current transaction of a connection has set; None: unknown."""

    scope: Scope | None = NOBODY


if TYPE_CHECKING:
    # Django makes its own of this one, by the psycopg that it finds.
    from psycopg import ClientCursor

    _Cursor = ClientCursor[Any]
else:
    _Cursor = base.Cursor


class ScopedCursor(_Cursor):
    """Sends the scope settings together with the query, without an additional round trip.

    They are ``SET LOCAL``, so they end with the transaction; outside of one, PostgreSQL runs what
    comes in one message as one transaction.
    """

    # Set by the backend for whom the lock is meant; psycopg's own checks have none.
    said: ScopeState | None = None
    # What was sent in front of the last statement; no part of it to whoever counts statements.
    front = ""

    def execute(
        self,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        before = self._before(query)
        self.front = ""
        if not before:
            super().execute(query, params, prepare=prepare, binary=binary)
            return self
        assert self.said is not None  # noqa: S101  there is nothing in front without it
        scope = tenancy.current()
        self.said.scope = None
        front = "".join(f"{statement}; " for statement in before)
        if params is not None:
            front = front.replace("%", "%%")
        together = _joined(front, query)
        self.front = front
        super().execute(together, params, prepare=prepare, binary=binary)
        for _statement in before:
            self.nextset()
        self.said.scope = scope
        return self

    def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None:
        """Send the statements separately: psycopg's pipeline allows one statement per message."""
        if self.said is None:
            super().executemany(query, params_seq, returning=returning)
            return
        if returning:
            raise NotSupportedError("executemany gives no rows here; execute each statement.")
        with self.connection.transaction():
            for params in params_seq:
                self.execute(query, params)

    def copy(self, statement: Any, params: Params | None = None, **kwargs: Any) -> Any:
        """Raise NotSupportedError: COPY cannot be preceded by the scope settings and would see no
        rows.
        """
        if self.said is not None:
            raise NotSupportedError(
                "COPY does not tell whose rows it is about; use it as the owner of the tables."
            )
        return super().copy(statement, params, **kwargs)

    def _before(self, query: Query) -> list[str]:
        """Return the statements that must precede the query in this transaction."""
        if self.said is None:
            return []
        if _is_rollback(query):
            # To a savepoint: what was said after it is forgotten.
            self.said.scope = None
            return []
        status = self.connection.info.transaction_status
        if status == TransactionStatus.INERROR:
            return []
        before = []
        if status == TransactionStatus.IDLE:
            # A transaction begins here, and begins with nothing said.
            self.said.scope = NOBODY
            is_alone = self.connection.autocommit
            if limit := lock_timeout.statement_for(query, is_alone=is_alone):
                before.append(limit)
        scope = tenancy.current()
        if scope == NOBODY and (tables := locked_tables_in(query)):
            tenancy.warn_of_unset_scope(tables)
        if scope == self.said.scope:
            return before
        return before + self._statements(self.said.scope, scope)

    def _statements(self, old: Scope | None, new: Scope) -> list[str]:
        said = []
        if old is None or old.is_operator != new.is_operator:
            role = f'"{settings.DATABASE_OPERATOR_ROLE}"' if new.is_operator else "NONE"
            said.append(f"SET LOCAL ROLE {role}")
        if new.lookup is not None:
            value = sql.quote(new.lookup.value, self.connection)
            said.append(
                "SELECT set_config('nextflow.organization',"
                f" coalesce({new.lookup.function}({value})::text, ''), true)"
            )
        elif old is None or old.lookup or old.organization != new.organization:
            said.append(f"SET LOCAL nextflow.organization = '{new.organization}'")
        if old is None or old.person != new.person:
            said.append(f"SET LOCAL nextflow.person = '{new.person}'")
        return said


def _is_rollback(query: Query) -> bool:
    return isinstance(query, str) and query.startswith("ROLLBACK")


def _joined(before: str, query: Any) -> Any:
    if isinstance(query, bytes):
        return before.encode() + query
    if isinstance(query, sql.Composable):
        return sql.SQL(before) + query
    return before + query
