"""Triggers that count the bytes of text in the tables of `crm.core.stored_text`.

They are made by ``migrate`` where the counted columns changed; the table is then counted anew.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Field

from crm.core.stored_text import counted_columns, size_of

_FUNCTION = """
CREATE OR REPLACE FUNCTION nextflow_count_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    added constant text := format('SELECT organization_id, %s AS size FROM added', TG_ARGV[0]);
    removed constant text :=
        format('SELECT organization_id, -(%s) AS size FROM removed', TG_ARGV[0]);
BEGIN
    EXECUTE format(
        'INSERT INTO core_storedtext (organization_id, source, size)'
        ' SELECT organization_id, $1, sum(size) FROM (%s) changes'
        ' GROUP BY organization_id HAVING sum(size) <> 0',
        CASE TG_OP
            WHEN 'INSERT' THEN added
            WHEN 'DELETE' THEN removed
            ELSE added || ' UNION ALL ' || removed
        END
    ) USING TG_TABLE_NAME;
    RETURN NULL;
END $$
"""
# By the statement that calls it, the rows that it hands over.
_TRIGGERS = {
    "insert": "NEW TABLE AS added",
    "update": "NEW TABLE AS added OLD TABLE AS removed",
    "delete": "OLD TABLE AS removed",
}


def install_text_triggers(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers that are missing or count other columns; idempotent."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        if "core_storedtext" not in there:
            return
        cursor.execute(_FUNCTION)
        for model, columns in counted_columns().items():
            if model._meta.db_table in there:
                _install(cursor, model._meta.db_table, columns)


def _install(cursor: CursorWrapper, table: str, columns: "Sequence[Field[Any, Any]]") -> None:
    size = " + ".join(size_of(each) for each in columns)
    digest = hashlib.sha256(size.encode()).hexdigest()
    cursor.execute(
        "SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgname = 'nextflow_text_insert'",
        [f'"{table}"'],
    )
    if cursor.fetchone() == (digest,):
        return
    argument = size.replace("'", "''")
    for word, rows in _TRIGGERS.items():
        cursor.execute(
            f'DROP TRIGGER IF EXISTS nextflow_text_{word} ON "{table}";'
            f' CREATE TRIGGER nextflow_text_{word} AFTER {word.upper()} ON "{table}"'
            f" REFERENCING {rows} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION nextflow_count_text('{argument}')"
        )
    cursor.execute(f"COMMENT ON TRIGGER nextflow_text_insert ON \"{table}\" IS '{digest}'")
    # Nobody writes to the table until this transaction ends.
    cursor.execute("DELETE FROM core_storedtext WHERE source = %s", [table])
    cursor.execute(
        "INSERT INTO core_storedtext (organization_id, source, size)"  # noqa: S608  our own columns
        f' SELECT organization_id, %s, sum({size}) FROM "{table}" GROUP BY organization_id',
        [table],
    )
