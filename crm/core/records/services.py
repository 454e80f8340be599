"""Default services of a record whose model is a `TenantModel` without rules of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ForeignKey, Model
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from crm.core.database.locks import lock_until_commit
from crm.core.errors import Conflict, InvalidField, NotFound
from crm.core.models.tenant import OwnedModel, TenantModel
from crm.core.permissions import WRITE, Principal, find_principal, require, require_record
from crm.core.records.notices import notify_owner
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.core.undo.services import (
    UndoImpossible,
    record_undoable,
    register_undo,
    restore,
    snapshot,
)
from crm.core.versions import check_version


class TooManyEntries(Conflict):
    """``limit`` is how many there can be."""

    code = "too_many_entries"
    message = gettext_noop("An organization can have no more of these. Delete some first.")


@transaction.atomic
def create_row(
    model: type[TenantModel], slug: str, /, *, by: Principal, **values: Any
) -> TenantModel:
    """Add a row of the record ``slug`` to the principal's organization.

    It belongs to its maker unless another owner is given, who is notified. Raise Forbidden,
    InvalidField with ``errors`` by field, TooManyEntries, and QuotaExceeded beyond the plan's text.
    """
    require(by, model.area, WRITE)
    _require_number(model, by.organization_id)
    row = model(organization_id=by.organization_id)
    if isinstance(row, OwnedModel):
        row.owner_id = by.user_id
    set_values(row, by, values)
    check_values(row)
    row.save(force_insert=True)
    require_room(by.organization_id)
    if isinstance(row, OwnedModel):
        notify_owner(by, slug, row)
    return row


@transaction.atomic
def update_row(
    model: type[TenantModel],
    slug: str,
    /,
    *,
    by: Principal,
    pk: UUID,
    version: int | None = None,
    **values: Any,
) -> TenantModel:
    """Change columns of a row of the record ``slug``; a new owner is told.

    Raise NotFound, Forbidden, EditedMeanwhile or InvalidField, and QuotaExceeded for longer texts
    beyond the plan's.
    """
    row = locked_row(model, by=by, pk=pk, version=version)
    before = row.owner_id if isinstance(row, OwnedModel) else None
    size = typed_bytes(row)
    set_values(row, by, values)
    check_values(row)
    row.save()
    require_room_for(row, size)
    if isinstance(row, OwnedModel):
        notify_owner(by, slug, row, before)
    return row


@transaction.atomic
def delete_row(
    model: type[TenantModel],
    *,
    by: Principal,
    pk: UUID,
    version: int | None = None,
    undo_kind: str = "row",
    undo_data: Mapping[str, Any] | None = None,
) -> UUID | None:
    """Delete a row. Return the id for `undo`, whose handler of ``undo_kind`` calls `restore_row`;
    its data has ``undo_data`` too.

    Raise NotFound, Forbidden or EditedMeanwhile.
    """
    row = locked_row(model, by=by, pk=pk, version=version)
    data = {"model": model._meta.label, **snapshot(row), **(undo_data or {})}
    action_id = record_undoable(by=by, kind=undo_kind, data=data)
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


_is_restoring: ContextVar[bool] = ContextVar("is_restoring", default=False)


@contextmanager
def restoring() -> Iterator[None]:
    """Return a context in which services put related rows back that were there, seen or not."""
    token = _is_restoring.set(True)
    try:
        yield
    finally:
        _is_restoring.reset(token)


def set_values(row: TenantModel, by: Principal, values: Mapping[str, Any]) -> None:
    """Set columns of a row, not saved. Raise InvalidField for a related row out of sight."""
    for name, value in values.items():
        column = row._meta.get_field(name)
        if isinstance(column, ForeignKey) and value not in {None, getattr(row, name)}:
            require_related(column, by, value)
        setattr(row, name, value)


def check_values(row: TenantModel) -> None:
    """Raise InvalidField, with ``errors`` by field, for what the model's validation refuses."""
    try:
        row.full_clean(exclude=["organization", "owner"], validate_constraints=False)
        # Also those of the organization's rows, whose column is validated by nothing else.
        row.validate_constraints()
    except ValidationError as error:
        raise InvalidField(extra={"errors": error.message_dict}) from error


def require_related(column: Any, by: Principal, pk: UUID) -> None:
    """Raise InvalidField for a row that the principal cannot see, another organization's too, and
    for a user who may not read the area. With `restoring`, for one that is gone.
    """
    if _is_restoring.get():
        if not column.related_model._base_manager.filter(pk=pk).exists():
            raise InvalidField(extra={"field": column.attname})
    elif column.related_model is get_user_model():
        _require_reader(column, by, pk)
    elif not column.related_model._default_manager.visible_to(by).filter(pk=pk).exists():
        raise InvalidField(extra={"field": column.attname})


def _require_reader(column: Any, by: Principal, user_id: UUID) -> None:
    """Raise InvalidField for somebody who has no access to the organization now, or not to the
    area.
    """
    organization_id, now = by.organization_id, timezone.now()
    member = find_principal(
        "member", organization_id=organization_id, identity=user_id, granted_at=now
    )
    if member is None or not member.may(column.model.area):
        raise InvalidField(
            gettext("Only members who may see such entries can be the owner."),
            extra={"field": column.attname},
        )


def restore_row(by: Principal, data: dict[str, Any]) -> None:
    """Restore a row that `delete_row` deleted.

    Raise Forbidden, TooManyEntries or QuotaExceeded, and UndoImpossible for one that the model's
    own rules refuse by now.
    """
    model: Any = apps.get_model(data["model"])
    require(by, model.area, WRITE)
    _require_number(model, by.organization_id)
    restore(data)
    require_room(by.organization_id)
    row: Model = model.objects.get(pk=data["pk"])
    try:
        row.clean()
    except ValidationError as error:
        raise UndoImpossible(" ".join(error.messages)) from error
    if row.owner_ids:  # type: ignore[attr-defined]  # a TenantModel
        require_record(by, model.area, WRITE, owner_ids=row.owner_ids)  # type: ignore[attr-defined]


def _require_number(model: type[TenantModel], organization_id: UUID) -> None:
    """Raise TooManyEntries if the organization cannot have another row of the model."""
    if model.max_rows is None:
        return
    # Two who add at the same time would not see each other's.
    lock_until_commit(model._meta.db_table, organization_id)
    if model.objects.filter(organization_id=organization_id).count() >= model.max_rows:
        text = gettext("An organization can have at most %(count)d %(entries)s. Delete some first.")
        params = {"count": model.max_rows, "entries": model._meta.verbose_name_plural}
        raise TooManyEntries(text % params, extra={"limit": model.max_rows})


register_undo("row", restore_row, is_daily_work=True)
