"""Emptying the database after a test that commits.

Django's flush truncates every table and makes permissions, plans and indexes anew, which costs a
third of a second. Here only the rows that a test left are removed; the flush is for a test that
changed what migrations put there.
"""

from collections.abc import Callable

from django.apps import apps
from django.db import DatabaseError, OperationalError, connection, transaction

from crm.core import tenancy
from crm.core.database.base import DatabaseWrapper
from crm.core.database.rls_policies import rights

# What migrations fill. A flush makes it anew, with other keys.
KEPT = ("billing_plan", "django_content_type", "auth_permission")

_kept: dict[str, str] = {}
_owners: dict[str, DatabaseWrapper] = {}


def wipe(flush: Callable[[], object]) -> None:
    """Leave the database as it was after the migrations."""
    with tenancy.all_tenants("Empty the tables after a test."):
        if _kept.get(_database()) == _fingerprint() and _is_emptied():
            return
    flush()
    with tenancy.all_tenants("Note what is there after the migrations."):
        _kept[_database()] = _fingerprint()


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def _is_emptied() -> bool:
    """Remove all rows and return True; False where something of the database forbids it."""
    left = _tables_with_rows()
    try:
        _delete([table for table in left if _may_be_deleted_from(table)])
        _truncate([table for table in left if not _may_be_deleted_from(table)])
    except OperationalError:
        # A deadlock, after which one tries again.
        raise
    except DatabaseError:
        return False
    return True


def _tables() -> list[str]:
    found = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    }
    return sorted(found - set(KEPT))


def _tables_with_rows() -> list[str]:
    looks = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")"  # noqa: S608  our own tables
        for table in _tables()
    )
    with connection.cursor() as cursor:
        cursor.execute(looks)
        return [name for (name,) in cursor.fetchall()]


def _fingerprint() -> str:
    hashes = ", ".join(
        f"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t)"  # noqa: S608
        for table in KEPT
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws('|', {hashes})")
        (found,) = cursor.fetchone()
        return str(found)


def _may_be_deleted_from(table: str) -> bool:
    return "DELETE" in rights().get(table, ("DELETE",))


def _delete(tables: list[str]) -> None:
    """Delete all rows; Django's foreign keys are compared at the commit, so any order will do."""
    if not tables:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608  our own tables


def _truncate(tables: list[str]) -> None:
    """Empty ledgers, from which the application may not delete and their owner sees no rows."""
    if not tables:
        return
    names = ", ".join(f'"{table}"' for table in tables)
    with _owner().cursor() as cursor:
        cursor.execute(f"TRUNCATE {names}")


def _owner() -> DatabaseWrapper:
    """Return a connection of the owner beside the application's.

    Both last: a new one reads all of PostgreSQL's catalogs, which costs more than the wiping.
    """
    name = _database()
    if name not in _owners:
        made = connection.copy()
        assert isinstance(made, DatabaseWrapper)
        made.is_owner = True
        _owners[name] = made
    owner = _owners[name]
    if not owner.is_usable():
        owner.close()
    return owner


def close() -> None:
    """Let go of the databases, which nobody may be connected to when they are dropped."""
    while _owners:
        _owners.popitem()[1].close()
