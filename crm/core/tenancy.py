"""Tenant scope of database access, enforced by row-level security.

Every entry point (request, socket, task, command) declares whose rows it may see; the database
returns no others. The scope is sent with each statement, in its transaction and its round trip:
nothing remains in a connection, so a pool or a transaction pooler cannot mix tenants. Without a
scope no rows are visible.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from uuid import UUID

from django.db.models import Model

logger = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[2]
# Whoever asks is to be named, not what carries the question.
_CARRIERS = (
    "django.",
    "psycopg",
    "rest_framework.",
    "contextlib",
    "crm.core.database",
    __name__,
)
_ASKED_BY = {
    ("django.db.backends.utils", "execute"),
    ("django.db.backends.utils", "executemany"),
}


@dataclass(frozen=True, slots=True)
class TenantLookup:
    """A secret or public name that identifies the organization of a row."""

    table: str
    column: str
    value: str

    @property
    def function(self) -> str:
        return lookup_function(self.table, self.column)


@dataclass(frozen=True, slots=True)
class Scope:
    """The visible rows; at most one member is set."""

    organization: str = ""
    person: str = ""
    lookup: TenantLookup | None = None
    is_operator: bool = False


NOBODY = Scope()
OPERATOR = Scope(is_operator=True)
_scope: ContextVar[Scope] = ContextVar("nextflow_scope")
# What holds where nothing was said. Only a test run, which makes its world by hand, changes it.
default_scope = NOBODY
_warned: set[tuple[str, int]] = set()


def current() -> Scope:
    return _scope.get(default_scope)


@contextmanager
def organization(organization_id: UUID) -> Iterator[None]:
    """Limit the block to the rows of one organization."""
    with _seen_by(Scope(organization=str(UUID(str(organization_id))))):
        yield


@contextmanager
def person(user_id: UUID) -> Iterator[None]:
    """Limit the block to a user's memberships and their organizations, read-only."""
    with _seen_by(Scope(person=str(UUID(str(user_id))))):
        yield


@contextmanager
def by_lookup(model: type[Model], **name: str) -> Iterator[None]:
    """Limit the block to the organization of the row with this name: ``by_lookup(Widget,
    site_key=…)``.

    The model lists such fields in ``organization_lookups``. Without such a row nothing is visible.
    """
    ((field, value),) = name.items()
    if field not in getattr(model, "organization_lookups", ()):
        raise LookupError(f"{model.__name__}.{field} does not identify an organization.")
    stored = str(model._meta.get_field(field).get_prep_value(value))  # type: ignore[union-attr]
    with _seen_by(
        Scope(lookup=TenantLookup(model._meta.db_table, column_of(model, field), stored))
    ):
        yield


@contextmanager
def all_tenants(reason: str) -> Iterator[None]:
    """Open all organizations to the block, as to operators; ``reason`` is logged."""
    logger.debug("The rows of all organizations are open.", extra={"metadata": {"reason": reason}})
    with _seen_by(OPERATOR):
        yield


@contextmanager
def no_tenant() -> Iterator[None]:
    """Start an entry point without access: no rows are visible until ``enter`` is called."""
    with _seen_by(NOBODY):
        yield


def enter(organization_id: UUID) -> None:
    """Switch to this organization until the surrounding ``no_tenant`` block ends."""
    _scope.set(Scope(organization=str(UUID(str(organization_id)))))


def enter_everything(reason: str) -> None:
    """Switch to all organizations until the surrounding ``no_tenant`` block ends. ``reason`` is
    logged.
    """
    logger.debug("The rows of all organizations are open.", extra={"metadata": {"reason": reason}})
    _scope.set(OPERATOR)


def column_of(model: type[Model], name: str) -> str:
    """Return the column name of a model's field."""
    return str(model._meta.get_field(name).column)  # type: ignore[union-attr]  # no relation from outside


def lookup_function(table: str, column: str) -> str:
    """Return the name of the SQL function that looks up the organization by this column."""
    return f"nextflow_lookup_{table}_{column}"


def warn_of_unset_scope(tables: set[str]) -> None:
    """Log, once per code location, that tenant tables were queried without a scope."""
    place = _place()
    if place in _warned:
        return
    _warned.add(place)
    file, line = place
    logger.error(
        "Rows of organizations were asked for without saying which organization; none are seen.",
        extra={
            "metadata": {
                "action": "tenancy.unset",
                "place": f"{file}:{line}",
                "tables": sorted(tables),
            }
        },
    )


@contextmanager
def _seen_by(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def _place() -> tuple[str, int]:
    frame: FrameType | None = sys._getframe(1)
    is_asked = False
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        # Between this one and PostgreSQL stand wrappers, which count statements or say who acts.
        is_asked = is_asked or (name, frame.f_code.co_name) in _ASKED_BY
        if is_asked and not name.startswith(_CARRIERS):
            path = Path(frame.f_code.co_filename)
            shown = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path.name
            return str(shown), frame.f_lineno
        frame = frame.f_back
    return "?", 0
