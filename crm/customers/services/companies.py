"""Services of companies. Subsidiaries form a tree, at most `MAX_LEVELS` deep."""

from functools import partial
from itertools import islice
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from crm.core.database.locks import lock_until_commit
from crm.core.errors import InvalidField
from crm.core.models import Note
from crm.core.permissions import Principal
from crm.core.records.services import (
    create_row,
    delete_row,
    locked_row,
    restore_row,
    update_row,
)
from crm.core.undo.services import UndoImpossible, register_undo
from crm.customers.models import MAX_LEVELS, Company

SLUG = "companies"


@transaction.atomic
def create_company(*, by: Principal, **values: Any) -> Company:
    """Add a company; it belongs to its maker unless another owner is given.

    Raise Forbidden, and InvalidField, also for a parent company at the lowest level.
    """
    if values.get("parent_id") is None:
        return cast(Company, create_row(Company, SLUG, by=by, **values))
    lock_companies(by)
    company = cast(Company, create_row(Company, SLUG, by=by, **values))
    _check_tree(company)
    return company


@transaction.atomic
def update_company(
    *, by: Principal, pk: UUID, version: int | None = None, **values: Any
) -> Company:
    """Change columns of a company.

    Raise NotFound, Forbidden, EditedMeanwhile, and InvalidField, also for a parent company that is
    the company itself or one of its subsidiaries, or with which there were too many levels.
    """
    if values.get("parent_id") is None:
        return cast(Company, update_row(Company, SLUG, by=by, pk=pk, version=version, **values))
    lock_companies(by)
    company = cast(Company, update_row(Company, SLUG, by=by, pk=pk, version=version, **values))
    _check_tree(company)
    return company


delete_company = partial(delete_row, Company, undo_kind="company")


def add_company(*, by: Principal, name: str) -> Company:
    """Add a company that an import names."""
    return create_company(by=by, name=name)


@transaction.atomic
def remove_unused_company(*, by: Principal, pk: UUID) -> None:
    """Delete a company that an import added, unless it was changed since or something refers to
    it. Raise NotFound or Forbidden.
    """
    company = cast(Company, locked_row(Company, by=by, pk=pk, version=None))
    notes = Note.objects.filter(record=SLUG, row_id=pk)
    is_used = company.customers.exists() or company.subsidiaries.exists() or notes.exists()
    if company.version == 1 and not is_used:
        company.delete()


def lock_companies(by: Principal) -> None:
    """Wait for others who change parent companies: two changes may make a cycle together."""
    lock_until_commit("companies", by.organization_id)


def _check_tree(company: Company) -> None:
    """Raise InvalidField if the stored parent company makes a cycle or too many levels."""
    above = list(islice(company.ancestor_ids(), MAX_LEVELS))
    if company.pk in above:
        raise InvalidField(
            gettext("A company cannot be its own subsidiary. Choose another parent company."),
            extra={"field": "parent_id"},
        )
    if len(above) + 1 + company.levels_below() > MAX_LEVELS:
        raise InvalidField(
            gettext("Companies can have at most %(count)d levels. Choose another parent company.")
            % {"count": MAX_LEVELS},
            extra={"field": "parent_id"},
        )


def _restore_company(by: Principal, data: dict[str, Any]) -> None:
    """Restore a company, unless a cycle came of what was changed since."""
    lock_companies(by)
    restore_row(by, data)
    try:
        _check_tree(Company.objects.get(pk=data["pk"]))
    except InvalidField as refusal:
        raise UndoImpossible from refusal


register_undo("company", _restore_company, is_daily_work=True)
