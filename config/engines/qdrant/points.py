"""Points, their ids, vectors and payloads: from JSON and back."""

import uuid
from collections.abc import Sequence
from typing import Any

import qdrant_edge as edge

from config.engines.qdrant.fields import Fields, built, flag, floats, items, mapping, text, whole
from config.engines.qdrant.filters import read_filter
from config.engines.qdrant.ids import point_id
from config.engines.qdrant.refusals import bad_request, not_supported
from config.engines.qdrant.schema import Schema

Vector = list[float] | edge.SparseVector


def read_vector(value: Any, where: str) -> Vector:
    """Read a dense vector (a list) or a sparse one (`indices` and `values`)."""
    if isinstance(value, list):
        if value and isinstance(value[0], list):
            raise not_supported("multi-vectors")
        return floats(value, where)
    fields = Fields(value, where)
    fields.refuse("text", "model", "image", "object")
    indices = fields.need("indices", items(whole))
    values = fields.need("values", _values)
    fields.done()
    if len(indices) != len(values):
        raise bad_request(f"{where} must have as many values as indices.")
    if len(set(indices)) != len(indices) or any(index >= 2**32 for index in indices):
        raise bad_request(f"{where}.indices must be different and fit 32 bits.")
    return edge.SparseVector(indices, values)


def _values(value: Any, where: str) -> list[float]:
    return floats(value, where) if value else []


def read_upsert(body: Any, schema: Schema) -> Any:
    """Read either form of an upsert: a list of points, or a batch of columns."""
    fields = Fields(body, "body")
    fields.refuse("shard_key", "update_filter", "update_mode")
    if fields.has("points"):
        points = fields.need("points", items(lambda value, where: _point(value, where, schema)))
    else:
        points = fields.need("batch", lambda value, where: _batch(value, where, schema))
    fields.done()
    return edge.UpdateOperation.upsert_points(points) if points else None


def _point(value: Any, where: str, schema: Schema) -> edge.Point:
    fields = Fields(value, where)
    identifier = fields.need("id", point_id)
    vector = fields.need("vector", lambda entry, place: _vectors(entry, place, schema))
    payload = fields.take("payload", mapping)
    fields.done()
    return built(edge.Point, identifier, vector, payload, where=where)


def _batch(value: Any, where: str, schema: Schema) -> list[edge.Point]:
    fields = Fields(value, where)
    ids = fields.need("ids", items(point_id))
    payloads = fields.take("payloads", items(_optional_payload)) or [None] * len(ids)
    columns = fields.need("vectors", lambda entry, _: entry)
    fields.done()
    if isinstance(columns, dict):
        lengths = {len(column) for column in columns.values() if isinstance(column, list)}
        if lengths != {len(ids)}:
            raise bad_request(f"{where}.vectors must have one vector for each id.")
        rows: Sequence[Any] = [
            {name: column[index] for name, column in columns.items() if column[index] is not None}
            for index in range(len(ids))
        ]
    else:
        rows = columns if isinstance(columns, list) else []
    if len(rows) != len(ids) or len(payloads) != len(ids):
        raise bad_request(f"{where} must have as many vectors and payloads as ids.")
    return [
        built(
            edge.Point,
            identifier,
            _vectors(row, f"{where}.vectors[{index}]", schema),
            payload,
            where=where,
        )
        for index, (identifier, row, payload) in enumerate(zip(ids, rows, payloads, strict=True))
    ]


def _optional_payload(value: Any, where: str) -> dict[str, Any] | None:
    return None if value is None else mapping(value, where)


def _vectors(value: Any, where: str, schema: Schema) -> Any:
    """Parse and validate the vectors of a point, before the write-ahead log."""
    if isinstance(value, list):
        vector = read_vector(value, where)
        schema.check_vector("", vector, where)
        return vector
    named = {
        name: read_vector(entry, f"{where}.{name}") for name, entry in mapping(value, where).items()
    }
    for name, vector in named.items():
        schema.check_vector(name, vector, f"{where}.{name}")
    return named


def read_selection(fields: Fields) -> tuple[list[Any] | None, Any]:
    """Parse the selection of points: exactly one of ids and a filter."""
    fields.refuse("shard_key")
    ids = fields.take("points", items(point_id))
    chosen = fields.take("filter", read_filter)
    if (ids is None) == (chosen is None):
        raise bad_request(f"{fields.where} must name `points` or `filter`, one of them.")
    return ids, chosen


def read_delete(body: Any) -> Any:
    fields = Fields(body, "body")
    ids, chosen = read_selection(fields)
    fields.done()
    if ids is None:
        return edge.UpdateOperation.delete_points_by_filter(chosen)
    return edge.UpdateOperation.delete_points(ids) if ids else None


def read_set_payload(body: Any, *, overwrite: bool) -> Any:
    fields = Fields(body, "body")
    payload = fields.need("payload", mapping)
    key = fields.take("key", text)
    ids, chosen = read_selection(fields)
    fields.done()
    make = edge.UpdateOperation
    if ids is None:
        by_filter = make.overwrite_payload_by_filter if overwrite else make.set_payload_by_filter
        return built(by_filter, chosen, payload, key, where="body")
    by_id = make.overwrite_payload if overwrite else make.set_payload
    return built(by_id, ids, payload, key, where="body") if ids else None


def read_delete_payload(body: Any) -> Any:
    fields = Fields(body, "body")
    keys = fields.need("keys", items(text))
    ids, chosen = read_selection(fields)
    fields.done()
    if ids is None:
        return built(edge.UpdateOperation.delete_payload_by_filter, chosen, keys, where="body.keys")
    return built(edge.UpdateOperation.delete_payload, ids, keys, where="body.keys") if ids else None


def read_clear_payload(body: Any) -> Any:
    fields = Fields(body, "body")
    ids, chosen = read_selection(fields)
    fields.done()
    if ids is None:
        return edge.UpdateOperation.clear_payload_by_filter(chosen)
    return edge.UpdateOperation.clear_payload(ids) if ids else None


def with_payload(value: Any, where: str) -> Any:
    """Parse the payload selector: all, none, a list, `include` or `exclude`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return items(text)(value, where)
    fields = Fields(value, where)
    include = fields.take("include", items(text))
    exclude = fields.take("exclude", items(text))
    fields.done()
    if include is not None and exclude is None:
        return edge.PayloadSelector.Include(include)
    if exclude is not None and include is None:
        return edge.PayloadSelector.Exclude(exclude)
    raise bad_request(f"{where} must hold `include` or `exclude`, one of them.")


def with_vector(value: Any, where: str) -> bool | list[str]:
    return items(text)(value, where) if isinstance(value, list) else flag(value, where)


def shown_id(identifier: Any) -> int | str:
    return str(identifier) if isinstance(identifier, uuid.UUID) else identifier


def shown_vector(vector: Any) -> Any:
    if isinstance(vector, dict):
        return {name: shown_vector(entry) for name, entry in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return {"indices": list(vector.indices), "values": list(vector.values)}
    return vector


def shown_record(record: Any) -> dict[str, Any]:
    """Return a point in the form of the responses of retrieve and scroll."""
    shown = {
        "id": shown_id(record.id),
        "payload": record.payload,
        "vector": shown_vector(record.vector),
    }
    if record.order_value is not None:
        shown["order_value"] = record.order_value
    return shown


def shown_hit(hit: Any) -> dict[str, Any]:
    """Return a point in the form of the response of a query."""
    return {**shown_record(hit), "version": hit.version, "score": hit.score}
