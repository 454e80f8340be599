"""What the API says of a record's rows, for whoever writes the same elsewhere."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.urls import get_resolver
from rest_framework import serializers

from crm.core.records.fields import Field
from crm.core.records.lists import ColumnsInvalid
from crm.core.records.record import Record

_serializers: dict[str, type[serializers.Serializer[Any]]] = {}


def register_serializer(record: Record, serializer: type[serializers.Serializer[Any]]) -> None:
    _serializers[record.slug] = serializer


def serializer_of(record: Record) -> type[serializers.Serializer[Any]]:
    """Return the serializer of a record's API, or that of its columns where it has none."""
    # A worker may not have needed an address yet; the paths of the API register theirs.
    _ = get_resolver().url_patterns
    return _serializers.get(record.slug) or made_serializer(record)


def made_serializer(record: Record) -> type[serializers.Serializer[Any]]:
    """Return a serializer of the record's columns."""
    fields = {each.name: each.api_field(is_body=False) for each in record.fields}
    members = {"id": serializers.UUIDField(), **fields}
    return type(f"{record.model.__name__}Serializer", (serializers.Serializer,), members)


def member_of(record: Record, field: Field) -> str:
    """Return the name of a column in the API."""
    return _members_of(serializer_of(record))[field.api_source]


def columns_of(record: Record, members: Iterable[str]) -> list[str]:
    """Return the names of the columns that have these names in the API. Raise ColumnsInvalid."""
    known = {member_of(record, field): field.name for field in record.fields}
    try:
        return [known[member] for member in members]
    except KeyError:
        raise ColumnsInvalid(extra={"allowed": list(known)}) from None


@cache
def _members_of(serializer: type[serializers.Serializer[Any]]) -> dict[str, str]:
    return {str(each.source): name for name, each in serializer().fields.items()}
