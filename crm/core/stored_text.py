"""Which columns hold text that counts for the plan, and the question whether there is room.

An app names its models in ``AppConfig.ready``; records of the kit are named as they are registered.
`crm.core.database.text_triggers` makes triggers of this.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, CharField, Field, JSONField, Model, TextField

from crm.core.quotas import check_quota

METRIC = "stored_bytes"
# Where a row stands among others: no text of anybody.
_NO_TEXT = frozenset({"board_rank"})
_written_ahead: ContextVar[int] = ContextVar("written_ahead", default=0)
_counted: dict[type[Model], tuple[str, ...]] = {}


def count_text(model: type[Model], *columns: str) -> None:
    """Count the text of these columns of a model with an ``organization``, effective with the next
    ``migrate``; a column of whole numbers has the bytes of something outside the database.

    Without columns, all that hold text count, also what search and lists keep of it.
    """
    if columns or model not in _counted:
        _counted[model] = columns


def counted_columns() -> dict[type[Model], list["Field[Any, Any]"]]:
    """Return the columns that count, by model."""
    return {
        model: [_field(model, name) for name in names] or text_columns(model)
        for model, names in _counted.items()
    }


@cache
def text_columns(model: type[Model]) -> list["Field[Any, Any]"]:
    """Return the columns of a model that hold text, except what is chosen from a list."""
    return [
        each
        for each in model._meta.concrete_fields
        if isinstance(each, CharField | TextField | JSONField | ArrayField)
        and not each.choices
        and each.name not in _NO_TEXT
    ]


def size_of(column: "Field[Any, Any]") -> str:
    """Return the SQL of the bytes that a column of a row holds."""
    name = f'"{column.column}"'
    if isinstance(column, BigIntegerField):
        return f"coalesce({name}, 0)"
    if isinstance(column, ArrayField):
        return f"coalesce(octet_length(array_to_string({name}, '')), 0)"
    return f"coalesce(octet_length({name}::text), 0)"


def typed_bytes(row: Model) -> int:
    """Return the bytes of what people wrote into a row."""
    return sum(
        len(_as_text(getattr(row, each.attname)).encode())
        for each in text_columns(type(row))
        if each.editable
    )


def require_room(organization_id: UUID) -> None:
    """Raise QuotaExceeded where the stored text exceeds the plan by now.

    Call it after writing, in the same transaction.
    """
    check_quota(METRIC, organization_id=organization_id, amount=_written_ahead.get())


@contextmanager
def written_ahead(size: int) -> Iterator[None]:
    """Return a context in which `require_room` counts what a preview wrote and rolled back."""
    token = _written_ahead.set(size)
    try:
        yield
    finally:
        _written_ahead.reset(token)


def require_room_for(row: Any, before: int) -> None:
    """Raise QuotaExceeded for a stored row that has grown beyond the plan since `typed_bytes`
    returned ``before``.
    """
    if typed_bytes(row) > before:
        require_room(row.organization_id)


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    found: Any = model._meta.get_field(name)
    return found


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
