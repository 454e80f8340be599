"""The services of a record that declares none: a `TenantModel` without rules of its own."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ForeignKey, Model

from crm.core.errors import InvalidField, NotFound
from crm.core.models.tenant import OwnedModel, TenantModel
from crm.core.permissions import WRITE, Principal, require, require_record
from crm.core.undo.services import record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version


@transaction.atomic
def create_row(model: type[TenantModel], *, by: Principal, **values: Any) -> TenantModel:
    """Add a row to the principal's organization; it belongs to its maker.

    Raise Forbidden, and InvalidField with ``errors`` by field.
    """
    require(by, model.area, WRITE)
    row = model(organization_id=by.organization_id)
    if isinstance(row, OwnedModel):
        row.owner_id = by.user_id
    _fill(row, by, values)
    row.save(force_insert=True)
    return row


@transaction.atomic
def update_row(
    model: type[TenantModel], *, by: Principal, pk: UUID, version: int | None = None, **values: Any
) -> TenantModel:
    """Change columns of a row. Raise NotFound, Forbidden, EditedMeanwhile or InvalidField."""
    row = locked_row(model, by=by, pk=pk, version=version)
    _fill(row, by, values)
    row.save()
    return row


@transaction.atomic
def delete_row(
    model: type[TenantModel], *, by: Principal, pk: UUID, version: int | None = None
) -> UUID | None:
    """Delete a row. Return the id for `undo`. Raise NotFound, Forbidden or EditedMeanwhile."""
    row = locked_row(model, by=by, pk=pk, version=version)
    data = {"model": model._meta.label, **snapshot(row)}
    action_id = record_undoable(by=by, kind="row", data=data)
    row.delete()
    return action_id


def locked_row(
    model: type[TenantModel], *, by: Principal, pk: UUID, version: int | None
) -> TenantModel:
    """Return a row that the principal may change, locked until the transaction ends.

    Raise NotFound for an invisible one, Forbidden, and EditedMeanwhile for another version.
    """
    rows = model.objects
    visible = rows.visible_to(by).filter(pk=pk)
    locked = rows.select_for_update(of=("self",))
    row: TenantModel | None = locked.filter(pk__in=visible.values("pk")).first()
    if row is None:
        raise NotFound
    require(by, model.area, WRITE)
    if row.owner_ids:
        require_record(by, model.area, WRITE, owner_ids=row.owner_ids)
    check_version(row, version)
    return row


def _fill(row: TenantModel, by: Principal, values: dict[str, Any]) -> None:
    for name, value in values.items():
        column = row._meta.get_field(name)
        if isinstance(column, ForeignKey) and value is not None:
            _require_related(column, by, value)
        setattr(row, name, value)
    try:
        row.full_clean(exclude=["organization", "owner"])
    except ValidationError as error:
        raise InvalidField(extra={"errors": error.message_dict}) from error


def _require_related(column: Any, by: Principal, pk: UUID) -> None:
    """Raise InvalidField for a row that the principal cannot see, another organization's too."""
    if not column.related_model._default_manager.visible_to(by).filter(pk=pk).exists():
        raise InvalidField(extra={"field": column.attname})


def _restore_row(by: Principal, data: dict[str, Any]) -> None:
    model: Any = apps.get_model(data["model"])
    require(by, model.area, WRITE)
    restore(data)
    row: Model = model.objects.get(pk=data["pk"])
    if row.owner_ids:  # type: ignore[attr-defined]  # a TenantModel
        require_record(by, model.area, WRITE, owner_ids=row.owner_ids)  # type: ignore[attr-defined]


register_undo("row", _restore_row)
