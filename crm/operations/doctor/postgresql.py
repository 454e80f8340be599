"""PostgreSQL: version, encoding, extensions, and a row written and read back."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.conf import settings
from psycopg import errors

from config.engines.postgresql import EXTENSIONS
from crm.core.database.rls_policies import tables_of_organizations
from crm.core.database.roles import complaints
from crm.operations.doctor.diagnosis import (
    SECONDS,
    CheckFailed,
    Diagnosis,
    examined,
    place,
    unreachable,
    wrong_url,
)

_STORE = "database"
# From here on a role may have another without inheriting it.
_MIN_VERSION = 16


def examine_postgresql(url: str) -> Diagnosis:
    return examined(_STORE, url, lambda diagnosis: _look(diagnosis, url))


def _look(diagnosis: Diagnosis, url: str) -> None:
    diagnosis.server = "PostgreSQL"
    if not url.startswith(("postgresql://", "postgres://")):
        raise wrong_url(_STORE)
    try:
        connection = psycopg.connect(url, connect_timeout=SECONDS, autocommit=True)
    except psycopg.ProgrammingError as reason:
        raise wrong_url(_STORE) from reason
    except psycopg.OperationalError as reason:
        raise _no_connection(url, str(reason)) from reason
    with connection:
        diagnosis.reachable = True
        diagnosis.version = connection.execute("SHOW server_version").fetchone()[0]  # type: ignore[index]  # SHOW gives a row
        try:
            _write_and_read(connection)
            diagnosis.written = True
            _require(connection, diagnosis)
        except psycopg.Error as reason:
            raise _cannot_write(reason) from reason


def _write_and_read(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    with connection.transaction():
        connection.execute("CREATE TEMPORARY TABLE doctor (word text) ON COMMIT DROP")
        connection.execute("INSERT INTO doctor VALUES (%s)", ["written"])
        row = connection.execute("SELECT word FROM doctor").fetchone()
    if row != ("written",):
        raise CheckFailed("PostgreSQL did not give back what was written.", "Look at its log.")


def _require(connection: "psycopg.Connection[tuple[object, ...]]", diagnosis: Diagnosis) -> None:
    if connection.info.server_version // 10000 < _MIN_VERSION:
        raise CheckFailed(
            f"PostgreSQL {diagnosis.version} is too old.",
            f"Upgrade it to version {_MIN_VERSION} or later.",
        )
    diagnosis.has.append(f"version {_MIN_VERSION} or later")
    encoding = connection.execute("SHOW server_encoding").fetchone()
    if encoding != ("UTF8",):
        raise CheckFailed(
            f"The database is encoded in {encoding[0] if encoding else 'something unknown'}.",
            "Create one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`.",
        )
    diagnosis.has.append("UTF-8")
    rows = connection.execute(
        "SELECT name, installed_version IS NOT NULL FROM pg_available_extensions"
        " WHERE name = ANY(%s)",
        [list(EXTENSIONS)],
    ).fetchall()
    known = {str(name) for name, _ in rows}
    absent = [name for name in EXTENSIONS if name not in known]
    if absent:
        raise CheckFailed(
            f"PostgreSQL lacks the extension {', '.join(absent)}.",
            "Install the contrib package of the server (postgresql-contrib).",
        )
    uncreated = sorted(str(name) for name, is_created in rows if not is_created)
    may_create = connection.execute(
        "SELECT has_database_privilege(current_database(), 'CREATE')"
    ).fetchone()
    if uncreated and may_create != (True,):
        raise CheckFailed(
            f"The extension {', '.join(uncreated)} is not created, and this role may not do it.",
            f"As a superuser run `CREATE EXTENSION {uncreated[0]}` in this database.",
        )
    diagnosis.has += EXTENSIONS
    _require_lock(connection)
    diagnosis.has.append("row-level security")


def _require_lock(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Raise Ill for the first reason why row-level security would not isolate organizations."""

    def ask(statement: str, values: Sequence[Any]) -> Sequence[Any]:
        return connection.execute(statement, values).fetchone() or ()

    found = complaints(
        ask, operator=settings.DATABASE_OPERATOR_ROLE, locked=sorted(tables_of_organizations())
    )
    for problem, advice in found:
        raise CheckFailed(problem, advice)


def _no_connection(url: str, words: str) -> CheckFailed:
    said = words.lower()
    if "password authentication failed" in said or "no password supplied" in said:
        return CheckFailed(
            f"PostgreSQL at {place(url)} does not accept this user and password.",
            "Correct them in DATABASE_URL (or DB_POSTGRES_USER and DB_POSTGRES_PASSWORD).",
        )
    if "no pg_hba.conf entry" in said:
        return CheckFailed(
            f"PostgreSQL at {place(url)} does not let this user in from here.",
            "Add a line for it to the server's pg_hba.conf.",
        )
    if "does not exist" in said:
        return CheckFailed(
            f"PostgreSQL at {place(url)} has no such database or role.",
            "Create it, or correct the name in DATABASE_URL.",
        )
    if "too many clients" in said or "connection slots" in said:
        return CheckFailed(
            f"PostgreSQL at {place(url)} has no connection left.",
            "Raise max_connections, or stop some processes.",
        )
    if "starting up" in said or "shutting down" in said or "in recovery" in said:
        return CheckFailed(
            f"PostgreSQL at {place(url)} is starting or stopping.", "Try again in a moment."
        )
    return unreachable("database", url, words)


def _cannot_write(reason: psycopg.Error) -> CheckFailed:
    if isinstance(reason, errors.ReadOnlySqlTransaction):
        return CheckFailed(
            "PostgreSQL is read-only: a standby, perhaps.", "Name the primary instead."
        )
    if isinstance(reason, errors.DiskFull):
        return CheckFailed("The disk of PostgreSQL is full.", "Free some space there.")
    if isinstance(reason, errors.InsufficientPrivilege):
        return CheckFailed(
            "This role may not create a temporary table.",
            "As its owner run `GRANT TEMPORARY ON DATABASE … TO …`.",
        )
    return CheckFailed(
        f"PostgreSQL answered with an error ({type(reason).__name__}).", "Look at its log."
    )
