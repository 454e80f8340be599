"""Row-level-security policies: which tables belong to organizations, and which rows are visible.

Derived from the models: those with an ``organization_id``, and those with a required relation to
such a model. A model may declare:

``organization_lookups``  fields whose value identifies the organization (see ``tenancy.by_lookup``)
``person_field``        the field with the user who sees the row without the organization's scope
``person_changes``      True: that user may change it too
``seen_by_members``     True: members see the row without the organization's scope
``database_rights``     the application's privileges on the table; by default all, and none for an
                        unmanaged table
``shared``              True: rows are visible to all organizations and contain no secrets
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey, Model
from psycopg import sql
from psycopg.abc import Query

from crm.core.tenancy import column_of

ORGANIZATION = "nullif(current_setting('nextflow.organization', true), '')::uuid"
ALL_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
PERSON = "nullif(current_setting('nextflow.person', true), '')::uuid"


@dataclass(frozen=True, slots=True)
class Policy:
    """The conditions under which a table's rows are visible and writable.

    ``person`` is the condition for a user without an organization; it allows reading, and with
    ``person_changes`` writing.
    """

    table: str
    organization: str
    person: str | None = None
    person_changes: bool = False


@dataclass(frozen=True, slots=True)
class TenantLookupSql:
    """An SQL function that returns the organization of a secret or public name, and
    nothing else.
    """

    table: str
    column: str
    column_type: str
    answer: str


def organization_model() -> type[Model]:
    return apps.get_model(settings.ORGANIZATION_MODEL)


@cache
def rls_policies() -> dict[str, Policy]:
    """Return the policy of each table that has one, by table name."""
    found: dict[str, Policy] = {}
    models = _models()
    while True:
        before = len(found)
        for model in models:
            table = model._meta.db_table
            if table not in found and (lock := _lock_of(model, found)):
                found[table] = lock
        if len(found) == before:
            return found


@cache
def tables_of_organizations() -> frozenset[str]:
    """Return all tables that need a policy: those of `rls_policies` and unmanaged tables with
    their own.
    """
    themselves = {
        model._meta.db_table
        for model in _models()
        if not model._meta.managed and _has_organization(model)
    }
    return frozenset(themselves | set(rls_policies()))


def models_without_policy() -> list[type[Model]]:
    """Return the models that refer to protected tables, have no policy and are not ``shared``."""
    return [
        model
        for model in _models()
        if model._meta.managed
        and model._meta.db_table not in rls_policies()
        and not getattr(model, "shared", False)
        and any(field.related_model._meta.db_table in rls_policies() for field in _links(model))
    ]


def lookups() -> list[TenantLookupSql]:
    found = []
    for model in _models():
        for name in getattr(model, "organization_lookups", ()):
            field = model._meta.get_field(name)
            found.append(
                TenantLookupSql(
                    table=model._meta.db_table,
                    column=column_of(model, name),
                    column_type=_cast(field),
                    answer="id" if model is organization_model() else "organization_id",
                )
            )
    return found


def rights() -> dict[str, tuple[str, ...]]:
    """Return the privileges of the application on each table."""
    return {
        model._meta.db_table: getattr(
            model, "database_rights", ALL_RIGHTS if model._meta.managed else ()
        )
        for model in _models()
    }


def locked_tables_in(query: Query) -> set[str]:
    """Return the protected tables that a statement names."""
    if isinstance(query, sql.Composable):
        return set()
    text = query.decode() if isinstance(query, bytes) else str(query)
    return set(_table_names().findall(text))


@cache
def _table_names() -> re.Pattern[str]:
    names = sorted(tables_of_organizations(), key=len, reverse=True)
    return re.compile('(?:FROM|JOIN|INTO|UPDATE) "(' + "|".join(map(re.escape, names)) + ')"')


def _models() -> list[type[Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]


def _links(model: type[Model]) -> Iterator["ForeignKey[Model, Model]"]:
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey):
            yield field


def _has_organization(model: type[Model]) -> bool:
    return any(field.column == "organization_id" for field in model._meta.concrete_fields)


def _lock_of(model: type[Model], found: dict[str, Policy]) -> Policy | None:
    if getattr(model, "shared", False) or not model._meta.managed:
        return None
    table = model._meta.db_table
    if model is organization_model():
        return Policy(table, f"id = {ORGANIZATION}", f"id IN ({_theirs()})")
    if _has_organization(model):
        return Policy(
            table,
            f"organization_id = {ORGANIZATION}",
            _of_person(model),
            person_changes=getattr(model, "person_changes", False),
        )
    parents = [
        field
        for field in _links(model)
        if not field.null
        and field.related_model is not model
        and field.related_model._meta.db_table in found
    ]
    if not parents:
        return None
    return Policy(table, " AND ".join(_seen_parent(table, field) for field in parents))


def _seen_parent(table: str, field: "ForeignKey[Model, Model]") -> str:
    parent = field.related_model._meta
    return (
        f'EXISTS (SELECT 1 FROM "{parent.db_table}" parent'  # noqa: S608  names of our own tables
        f' WHERE parent."{field.target_field.column}" = "{table}"."{field.column}")'
    )


def _of_person(model: type[Model]) -> str | None:
    if name := getattr(model, "person_field", None):
        return f'"{column_of(model, name)}" = {PERSON}'
    if getattr(model, "seen_by_members", False):
        return f"organization_id IN ({_theirs()})"
    return None


def _theirs() -> str:
    """Return the SQL of a user's organizations: the policy limits memberships to their own."""
    through = organization_model()._meta.get_field("members").remote_field.through._meta  # type: ignore[union-attr]
    return f'SELECT organization_id FROM "{through.db_table}" WHERE user_id = {PERSON}'  # noqa: S608  the same


def _cast(field: object) -> str:
    kind = type(field).__name__
    return "uuid" if kind in {"UUIDField", "OneToOneField", "ForeignKey"} else "text"
