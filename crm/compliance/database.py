"""Functions, triggers and privileges of the audit, recreated by ``migrate`` when they changed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper

from crm.compliance.model_tracking import tracked

_SQL = Path(__file__).parent / "sql"
_FILES = ("chain.sql", "tracking.sql", "partitions.sql")
TABLES = ("entry", "values", "chain", "signature")
# What the application calls itself; all others are called by triggers and by these.
_CALLED = (
    "nextflow_audit_erase(uuid, text, text, text, text)",
    "nextflow_audit_make_month(date)",
    "nextflow_audit_old_months()",
    "nextflow_audit_ends_of(date)",
    "nextflow_audit_drop_month(date)",
)
_INNER = (
    "nextflow_audit_row()",
    "nextflow_audit_exact(jsonb)",
    "nextflow_audit_notice()",
    "nextflow_audit_truncated()",
    "nextflow_audit_head(uuid)",
    "nextflow_audit_append(uuid, text, text, text, text, text, jsonb, text, text, jsonb, text)",
)
_MINE = "nullif(current_setting('nextflow.organization', true), '')::uuid"
MONTHS_AHEAD = 3


def install(*, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Install functions, triggers and privileges of the audit; idempotent."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, to_regclass('compliance_auditentry') IS NOT NULL")
        owner, is_there = cursor.fetchone()
        if not is_there:
            return
        # A migration of part of the apps leaves tables to a later one.
        present = set(connection.introspection.table_names(cursor))
        statements = list(
            _statements(owner, connection.settings_dict["USER"], _roles(cursor), present)
        )
        digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
        if _installed(cursor) != digest:
            for statement in statements:
                cursor.execute(statement)
            cursor.execute(f"COMMENT ON FUNCTION nextflow_audit_row() IS '{digest}'")
        make_months(cursor)


def make_months(cursor: CursorWrapper) -> int:
    """Create the partitions of this month and the next ones. Return how many were missing."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE nextflow_audit_make_month(month::date))"
        " FROM generate_series(now() AT TIME ZONE 'UTC',"
        " (now() AT TIME ZONE 'UTC') + %s * interval '1 month', interval '1 month') month",
        [MONTHS_AHEAD],
    )
    return int(cursor.fetchone()[0])


def _installed(cursor: CursorWrapper) -> str | None:
    cursor.execute(
        "SELECT obj_description(p.oid, 'pg_proc') FROM pg_proc p"
        " WHERE p.proname = 'nextflow_audit_row'"
        " AND p.pronamespace = current_schema()::regnamespace"
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _roles(cursor: CursorWrapper) -> set[str]:
    cursor.execute("SELECT rolname FROM pg_roles")
    return {row[0] for row in cursor.fetchall()}


def _statements(owner: str, application: str, roles: set[str], present: set[str]) -> Iterator[str]:
    for name in _FILES:
        yield (_SQL / name).read_text()
    yield from _guards()
    for each in tracked():
        if each.table in present:
            yield from _watch(each.table, each.kind, each.watched, each.spec())
    yield from _rights(owner, application, roles)


def _guards() -> Iterator[str]:
    for table in ("entry", "chain", "signature"):
        yield _trigger(
            "nextflow_audit_keep_rows",
            f"compliance_audit{table}",
            "BEFORE UPDATE OR DELETE",
            "FOR EACH ROW EXECUTE FUNCTION nextflow_audit_guard()",
        )
    yield _trigger(
        "nextflow_audit_keep_rows",
        "compliance_auditvalues",
        "BEFORE UPDATE OR DELETE",
        "FOR EACH ROW EXECUTE FUNCTION nextflow_audit_guard_values()",
    )
    for table in TABLES:
        yield _trigger(
            "nextflow_audit_keep",
            f"compliance_audit{table}",
            "BEFORE TRUNCATE",
            "FOR EACH STATEMENT EXECUTE FUNCTION nextflow_audit_guard()",
        )
    yield (
        "DROP TRIGGER IF EXISTS nextflow_audit_told ON compliance_auditnotice;"
        " CREATE CONSTRAINT TRIGGER nextflow_audit_told AFTER INSERT ON compliance_auditnotice"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nextflow_audit_notice()"
    )


def _watch(table: str, kind: str, columns: list[str], spec: str) -> Iterator[str]:
    call = f"EXECUTE FUNCTION nextflow_audit_row({_quoted(spec)})"
    deferred = f'ON "{table}" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'
    listed = ", ".join(f'"{column}"' for column in columns)
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns)
    yield (
        f'DROP TRIGGER IF EXISTS nextflow_audit ON "{table}";'
        f' DROP TRIGGER IF EXISTS nextflow_audit_change ON "{table}";'
        f" CREATE CONSTRAINT TRIGGER nextflow_audit AFTER INSERT OR DELETE {deferred} {call};"
        # A change of other columns, such as a message makes on its conversation, queues nothing.
        f" CREATE CONSTRAINT TRIGGER nextflow_audit_change AFTER UPDATE OF {listed}"
        f" {deferred} WHEN ({changed}) {call}"
    )
    yield _trigger(
        "nextflow_audit_truncated",
        table,
        "AFTER TRUNCATE",
        f"FOR EACH STATEMENT EXECUTE FUNCTION nextflow_audit_truncated({_quoted(kind)})",
    )


def _rights(owner: str, application: str, roles: set[str]) -> Iterator[str]:
    """Yield the statements that grant read and insert privileges; policies restrict them."""
    for function in (*_CALLED, *_INNER):
        yield f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"
    operator = getattr(settings, "DATABASE_OPERATOR_ROLE", "")
    others = [role for role in (application, operator) if role in roles and role != owner]
    if not others:
        return
    named = ", ".join(f'"{role}"' for role in others)
    tables = ", ".join(f"compliance_audit{table}" for table in TABLES)
    yield f"REVOKE ALL ON {tables}, compliance_auditnotice FROM {named}"
    yield f"GRANT SELECT ON {tables} TO {named}"
    yield f"GRANT INSERT ON compliance_auditsignature, compliance_auditnotice TO {named}"
    for function in _CALLED:
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {named}"
    if operator not in others:
        return
    for table in (f"compliance_audit{name}" for name in TABLES):
        yield (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f" ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f" DROP POLICY IF EXISTS of_its_organization ON {table};"
            f" CREATE POLICY of_its_organization ON {table}"
            f" USING (organization_id = {_MINE}) WITH CHECK (organization_id = {_MINE});"
            f" DROP POLICY IF EXISTS for_operators ON {table};"
            f' CREATE POLICY for_operators ON {table} TO "{operator}"'
            " USING (true) WITH CHECK (true)"
        )


def _trigger(name: str, table: str, when: str, call: str) -> str:
    return (
        f'DROP TRIGGER IF EXISTS {name} ON "{table}";'
        f' CREATE TRIGGER {name} {when} ON "{table}" {call}'
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
