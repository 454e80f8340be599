"""Install the policies of `rls_policies`; every migration runs this, idempotently.

Privileges are granted last: the application cannot reach a table that has no policy yet.
"""

import hashlib
from collections.abc import Iterator

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from crm.core import tenancy
from crm.core.database.rls_policies import (
    ALL_RIGHTS,
    Policy,
    TenantLookupSql,
    lookups,
    rights,
    rls_policies,
)

BY_ORGANIZATION = "of_its_organization"
BY_PERSON = "of_its_person"
BY_OPERATOR = "for_operators"


class PolicyMissing(Exception):
    """The database lacks a prerequisite of row-level security; the message says what to do."""


def install_policies(connection: BaseDatabaseWrapper) -> None:
    """Create or update policies, lookup functions and privileges. Raise PolicyMissing."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        application = connections.settings[connection.alias]["USER"]
        operator = settings.DATABASE_OPERATOR_ROLE
        _require_roles(cursor, application, operator)
        there = _tables(cursor)
        present = {table: lock for table, lock in rls_policies().items() if table in there}
        for table, lock in present.items():
            _lock(cursor, table, lock, operator)
        for lookup in lookups():
            if lookup.table in there:
                _make_lookup(cursor, lookup, application, operator)
        _give_rights(cursor, there, application, operator)


def _require_roles(cursor: CursorWrapper, *roles: str) -> None:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles)])
    there = {row[0] for row in cursor.fetchall()}
    if missing := [role for role in roles if role not in there]:
        raise PolicyMissing(
            f"PostgreSQL has no role {missing[0]}, by which organizations are kept apart. "
            "Run deploy/postgresql/roles.sql as an administrator of the server, then migrate again."
        )


def _tables(cursor: CursorWrapper) -> set[str]:
    cursor.execute(
        "SELECT relname FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    )
    return {row[0] for row in cursor.fetchall()}


def policies(lock: Policy, operator: str) -> Iterator[tuple[str, str]]:
    """Return the name of each policy of a table and the text after ``CREATE POLICY … ON …``."""
    condition = lock.organization
    yield BY_ORGANIZATION, f"USING ({condition}) WITH CHECK ({condition})"
    yield BY_OPERATOR, f'TO "{operator}" USING (true) WITH CHECK (true)'
    if lock.person:
        command = "ALL" if lock.person_changes else "SELECT"
        yield BY_PERSON, f"FOR {command} USING ({lock.person})"


def _lock(cursor: CursorWrapper, table: str, lock: Policy, operator: str) -> None:
    cursor.execute(
        "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass",
        [f'"{table}"'],
    )
    if not cursor.fetchone()[0]:
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        cursor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    cursor.execute(
        "SELECT polname, obj_description(oid, 'pg_policy') FROM pg_policy"
        " WHERE polrelid = %s::regclass",
        [f'"{table}"'],
    )
    there = dict(cursor.fetchall())
    wanted = dict(policies(lock, operator))
    for name in there.keys() - wanted.keys():
        cursor.execute(f'DROP POLICY "{name}" ON "{table}"')
    for name, definition in wanted.items():
        # PostgreSQL words a condition anew, so what was asked for is kept beside it.
        digest = hashlib.sha256(definition.encode()).hexdigest()
        if there.get(name) == digest:
            continue
        if name in there:
            cursor.execute(f'DROP POLICY "{name}" ON "{table}"')
        cursor.execute(f'CREATE POLICY "{name}" ON "{table}" {definition}')
        cursor.execute(f'COMMENT ON POLICY "{name}" ON "{table}" IS \'{digest}\'')


def _make_lookup(cursor: CursorWrapper, lookup: TenantLookupSql, *roles: str) -> None:
    function = f"{tenancy.lookup_function(lookup.table, lookup.column)}(text)"
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {function} RETURNS uuid"  # noqa: S608  names of our own tables
        " LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        f' AS $$ SELECT "{lookup.answer}" FROM public."{lookup.table}"'
        f' WHERE "{lookup.column}" = $1::{lookup.column_type} $$'
    )
    cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {_named(roles)}")


def _give_rights(cursor: CursorWrapper, there: set[str], *roles: str) -> None:
    named = _named(roles)
    by_rights: dict[tuple[str, ...], list[str]] = {}
    for table, wanted in rights().items():
        if table in there and wanted:
            by_rights.setdefault(wanted, []).append(f'"{table}"')
    for wanted, tables in by_rights.items():
        listed = ", ".join(sorted(tables))
        if withheld := [right for right in ALL_RIGHTS if right not in wanted]:
            cursor.execute(f"REVOKE {', '.join(withheld)} ON {listed} FROM {named}")
        cursor.execute(f"GRANT {', '.join(wanted)} ON {listed} TO {named}")
    if "django_migrations" in there:
        cursor.execute(f"GRANT SELECT ON django_migrations TO {named}")
    cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {named}")


def _named(roles: tuple[str, ...]) -> str:
    return ", ".join(f'"{role}"' for role in roles)
