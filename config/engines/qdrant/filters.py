"""Filters of points. An invalid filter is rejected, never ignored."""

from typing import Any

import numpy
import qdrant_edge as edge

from config.engines.qdrant.fields import (
    Fields,
    built,
    flag,
    items,
    number,
    one_or_more,
    text,
    whole,
)
from config.engines.qdrant.ids import point_id
from config.engines.qdrant.refusals import bad_request, not_supported

_CLAUSES = ("must", "should", "must_not", "min_should")


def read_filter(value: Any, where: str) -> edge.Filter:
    fields = Fields(value, where)
    read = edge.Filter(
        must=fields.take("must", one_or_more(_condition)),
        should=fields.take("should", one_or_more(_condition)),
        must_not=fields.take("must_not", one_or_more(_condition)),
        min_should=fields.take("min_should", _min_should),
    )
    fields.done()
    return read


def _min_should(value: Any, where: str) -> edge.MinShould:
    fields = Fields(value, where)
    conditions = fields.need("conditions", items(_condition))
    count = fields.need("min_count", whole)
    fields.done()
    return edge.MinShould(conditions, count)


def _condition(value: Any, where: str) -> Any:
    fields = Fields(value, where)
    if fields.has("nested"):
        read: Any = fields.need("nested", _nested)
    elif fields.has("key"):
        read = _field_condition(fields)
    elif fields.has("has_id"):
        read = edge.HasIdCondition(set(fields.need("has_id", items(point_id))))
    elif fields.has("has_vector"):
        read = edge.HasVectorCondition(fields.need("has_vector", text))
    elif fields.has("is_empty"):
        read = built(edge.IsEmptyCondition, fields.need("is_empty", _key), where=where)
    elif fields.has("is_null"):
        read = built(edge.IsNullCondition, fields.need("is_null", _key), where=where)
    elif any(fields.has(clause) for clause in _CLAUSES):
        return read_filter(value, where)
    else:
        raise bad_request(f"{where} is no condition that is known.")
    fields.done()
    return read


def _nested(value: Any, where: str) -> edge.NestedCondition:
    fields = Fields(value, where)
    key = fields.need("key", text)
    read = built(edge.NestedCondition, key, fields.need("filter", read_filter), where=where)
    fields.done()
    return read


def _key(value: Any, where: str) -> str:
    fields = Fields(value, where)
    key = fields.need("key", text)
    fields.done()
    return key


def _field_condition(fields: Fields) -> edge.FieldCondition:
    fields.refuse("geo_bounding_box", "geo_radius", "geo_polygon")
    read = {
        "match": fields.take("match", _match),
        "range": fields.take("range", _range),
        "values_count": fields.take("values_count", _values_count),
        "is_empty": fields.take("is_empty", flag),
        "is_null": fields.take("is_null", flag),
    }
    given: dict[str, Any] = {name: entry for name, entry in read.items() if entry is not None}
    if len(given) != 1:
        raise bad_request(f"{fields.where} must hold one thing to compare `key` with.")
    return built(edge.FieldCondition, fields.need("key", text), where=fields.where, **given)


def _match(value: Any, where: str) -> Any:
    fields = Fields(value, where)
    if fields.has("value"):
        wanted = fields.need("value", _scalar)
        # The binding takes Python's bool for the number it also is; numpy's stays a truth value.
        exact = numpy.bool_(wanted) if isinstance(wanted, bool) else wanted
        read: Any = built(edge.MatchValue, exact, where=where)
    elif fields.has("any"):
        read = built(edge.MatchAny, fields.need("any", _alternatives), where=where)
    elif fields.has("except"):
        read = built(edge.MatchExcept, fields.need("except", _alternatives), where=where)
    elif fields.has("text"):
        read = built(edge.MatchText, fields.need("text", text), where=where)
    elif fields.has("text_any"):
        read = built(edge.MatchTextAny, fields.need("text_any", text), where=where)
    elif fields.has("phrase"):
        read = built(edge.MatchPhrase, fields.need("phrase", text), where=where)
    else:
        raise not_supported(f"this match in {where}")
    fields.done()
    return read


def _scalar(value: Any, where: str) -> str | int | bool:
    if not isinstance(value, str | int):
        raise bad_request(f"{where} must be a string, a whole number, true or false.")
    return value


def _alternatives(value: Any, where: str) -> list[str] | list[int]:
    entries = items(_scalar)(value, where)
    kinds = {type(entry) for entry in entries}
    if kinds - {str} and kinds - {int}:
        raise bad_request(f"{where} must hold strings only or whole numbers only.")
    return entries  # type: ignore[return-value]  # one kind, as was just checked


def _range(value: Any, where: str) -> Any:
    bounds: dict[str, Any] = {}
    fields = Fields(value, where)
    for name in ("gt", "gte", "lt", "lte"):
        bound = fields.take(name, _bound)
        if bound is not None:
            bounds[name] = bound
    fields.done()
    kinds = {type(bound) for bound in bounds.values()}
    if len(kinds) != 1:
        raise bad_request(f"{where} must hold numbers only or points in time only.")
    kind: Any = edge.RangeDateTime if kinds == {str} else edge.RangeFloat
    return built(kind, where=where, **bounds)


def _bound(value: Any, where: str) -> float | str:
    return value if isinstance(value, str) else number(value, where)


def _values_count(value: Any, where: str) -> edge.ValuesCount:
    fields = Fields(value, where)
    read = edge.ValuesCount(
        **{name: fields.take(name, whole) for name in ("gt", "gte", "lt", "lte")}
    )
    fields.done()
    return read
