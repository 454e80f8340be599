"""Values of columns as an undo keeps them (JSON), and columns that follow from others."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import ForeignKey, Model

from crm.core.records.record import Record


def as_json(value: Any) -> Any:
    """Return a value of a column as JSON: equal ones alike, however many zeros a number ends in."""
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    return value if isinstance(value, str | int | bool | list | None) else str(value)


def from_json(record: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values that `as_json` made back to those of the model's columns."""
    meta = record.model._meta
    return {
        name: meta.get_field(name).to_python(value)  # type: ignore[union-attr]  # columns
        for name, value in values.items()
    }


def followers_of(record: Record, row: Model) -> dict[str, Any]:
    """Return the columns of a row that its record's services set by others, as JSON."""
    return {name: as_json(getattr(row, name)) for name in record.follows}


def put_back(record: Record, pk: Any, follows: Mapping[str, Any]) -> None:
    """Store what `followers_of` returned; a related row that is gone stays away."""
    values = from_json(record, follows)
    for name, value in values.items():
        column: Any = record.model._meta.get_field(name)
        if isinstance(column, ForeignKey) and value is not None:
            related: Any = column.related_model
            if not related._base_manager.filter(pk=value).exists():
                values[name] = None
    if values:
        record.model._base_manager.filter(pk=pk).update(**values)
