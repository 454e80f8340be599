"""Check whether row-level security applies to the application's role."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Ask = Callable[[str, Sequence[Any]], Sequence[Any]]

_ADVICE = (
    "Run deploy/postgresql/roles.sql as an administrator of the server, let DATABASE_URL name the "
    "application's role and DATABASE_OWNER_URL the owner's, and run `manage.py migrate`."
)


def complaints(ask: Ask, *, operator: str, locked: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return the problems of the current database role, each with a remedy.

    ``ask`` runs a statement and returns its single row; ``locked`` names the tables with policies.
    """
    role, is_superuser, passes_by = ask(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user", []
    )
    if is_superuser:
        yield (
            f"The application's role {role} is a superuser, whom no row-level security holds.",
            (_ADVICE),
        )
        return
    if passes_by:
        yield (
            f"The application's role {role} has BYPASSRLS.",
            (f"Run `ALTER ROLE {role} NOBYPASSRLS` as an administrator of the server."),
        )
    (owned,) = ask(
        "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace"
        " AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)",
        [],
    )
    if owned:
        yield (
            f"The application's role {role} owns tables, so it may switch their policies off.",
            (_ADVICE),
        )
    (puts_on, is_always) = ask(
        "SELECT coalesce(bool_or(pg_has_role(current_user, oid, 'SET')), false),"
        " coalesce(bool_or(pg_has_role(current_user, oid, 'USAGE')), false)"
        " FROM pg_roles WHERE rolname = %s",
        [operator],
    )
    if not puts_on:
        yield (
            f"The application's role {role} may not become {operator} for operators' work.",
            (_ADVICE),
        )
    elif is_always:
        yield f"The application's role {role} has the rights of {operator} all the time.", _ADVICE
    (open_tables,) = ask(
        "SELECT coalesce(string_agg(relname, ', ' ORDER BY relname), '') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)"
        " AND NOT (relrowsecurity AND relforcerowsecurity)",
        [list(locked)],
    )
    if open_tables:
        yield (
            f"These tables have no row-level security: {open_tables}.",
            ("Run `manage.py migrate`, which gives them their policies."),
        )
