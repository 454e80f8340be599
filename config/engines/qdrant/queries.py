"""Reading: query, scroll, retrieve and count."""

from typing import Any

import qdrant_edge as edge

from config.engines.qdrant.fields import (
    Fields,
    built,
    flag,
    floats,
    items,
    number,
    one_of,
    one_or_more,
    positive,
    text,
    whole,
)
from config.engines.qdrant.filters import read_filter
from config.engines.qdrant.ids import point_id
from config.engines.qdrant.points import read_vector, with_payload, with_vector
from config.engines.qdrant.refusals import bad_request, not_supported
from config.engines.qdrant.schema import Schema

_DEFAULT_LIMIT = 10
_RRF_K = 2  # Qdrant's own default


def read_query(body: Any, schema: Schema, where: str = "body") -> edge.QueryRequest:
    """Read a query: one vector, or several prefetches and how to fuse them."""
    fields = Fields(body, where)
    common = _common(fields, schema)
    read = edge.QueryRequest(
        limit=fields.take("limit", positive) or _DEFAULT_LIMIT,
        offset=fields.take("offset", whole),
        with_payload=_or_false(fields.take("with_payload", with_payload)),
        with_vector=_or_false(fields.take("with_vector", with_vector)),
        **common,
    )
    fields.done()
    return read


def _prefetch(value: Any, where: str, schema: Schema) -> edge.Prefetch:
    fields = Fields(value, where)
    common = _common(fields, schema)
    read = edge.Prefetch(limit=fields.take("limit", positive) or _DEFAULT_LIMIT, **common)
    fields.done()
    return read


def _common(fields: Fields, schema: Schema) -> dict[str, Any]:
    """Parse the fields that a query and a prefetch share."""
    fields.refuse("lookup_from", "shard_key")
    using = fields.take("using", text) or ""
    prefetches = fields.take(
        "prefetch", one_or_more(lambda value, where: _prefetch(value, where, schema))
    )
    scoring = fields.take("query", lambda value, where: _scoring(value, where, using, schema))
    if scoring is None and prefetches:
        raise bad_request(f"{fields.where}.query must say what to do with `prefetch`.")
    if isinstance(scoring, edge.Fusion.Rrf | edge.Fusion.Dbsf) and not prefetches:
        raise bad_request(f"{fields.where}.prefetch is missing: there is nothing to fuse.")
    return {
        "query": scoring,
        "prefetches": prefetches,
        "filter": fields.take("filter", read_filter),
        "params": fields.take("params", _params),
        "score_threshold": fields.take("score_threshold", number),
    }


def _scoring(value: Any, where: str, using: str, schema: Schema) -> Any:
    if isinstance(value, str | int):
        raise not_supported("a query by point id")
    if isinstance(value, list) or (isinstance(value, dict) and "indices" in value):
        return _nearest(value, where, using, schema)
    fields = Fields(value, where)
    fields.refuse(
        "context", "discover", "formula", "mmr", "recommend", "relevance_feedback", "sample", "text"
    )
    if fields.has("nearest"):
        read: Any = fields.need(
            "nearest", lambda vector, place: _nearest(vector, place, using, schema)
        )
    elif fields.has("fusion"):
        kind = fields.need("fusion", one_of("rrf", "dbsf"))
        read = edge.Fusion.Rrf(k=_RRF_K) if kind == "rrf" else edge.Fusion.Dbsf()
    elif fields.has("rrf"):
        read = fields.need("rrf", _rrf)
    elif fields.has("order_by"):
        read = fields.need("order_by", _order_by)
    else:
        raise not_supported(f"this kind of query in {where}")
    fields.done()
    return read


def _nearest(value: Any, where: str, using: str, schema: Schema) -> Any:
    if isinstance(value, str | int):
        raise not_supported("a query by point id")
    vector = read_vector(value, where)
    schema.check_vector(using, vector, where)
    return edge.Query.Nearest(vector, using=using or None)


def _rrf(value: Any, where: str) -> Any:
    fields = Fields(value, where)
    k = fields.take("k", positive) or _RRF_K
    weights = fields.take("weights", floats)
    fields.done()
    return edge.Fusion.Rrf(k=k, weights=weights)


def _params(value: Any, where: str) -> edge.SearchParams:
    """Parse search parameters; every search here is exact, so they can be ignored."""
    fields = Fields(value, where)
    fields.refuse("quantization", "acorn")
    hnsw_ef = fields.take("hnsw_ef", whole)
    fields.take("exact", flag)
    if fields.take("indexed_only", flag):
        raise not_supported("`indexed_only`")
    idf = fields.take("idf", _idf)
    fields.done()
    return edge.SearchParams(hnsw_ef=hnsw_ef, exact=True, idf=idf)


def _idf(value: Any, where: str) -> edge.IdfParams | None:
    if value == "global":
        return None
    fields = Fields(value, where)
    corpus = fields.need("corpus", read_filter)
    fields.done()
    return edge.IdfParams(corpus=corpus)


def read_scroll(body: Any) -> edge.ScrollRequest:
    fields = Fields(body or {}, "body")
    fields.refuse("shard_key")
    payload = fields.take("with_payload", with_payload)
    read = edge.ScrollRequest(
        offset=fields.take("offset", point_id),
        limit=fields.take("limit", positive) or _DEFAULT_LIMIT,
        filter=fields.take("filter", read_filter),
        with_payload=True if payload is None else payload,
        with_vector=_or_false(fields.take("with_vector", with_vector)),
        order_by=fields.take("order_by", _order_by),
    )
    fields.done()
    if read.offset is not None and read.order_by is not None:
        raise bad_request("body.offset cannot be used with `order_by`.")
    return read


def _order_by(value: Any, where: str) -> edge.OrderBy:
    fields = Fields({"key": value} if isinstance(value, str) else value, where)
    key = fields.need("key", text)
    direction = fields.take("direction", one_of("asc", "desc"))
    start = fields.take("start_from", _start)
    fields.done()
    chosen = edge.Direction.Desc if direction == "desc" else edge.Direction.Asc
    return built(edge.OrderBy, key, chosen, start, where=where)


def _start(value: Any, where: str) -> float | str:
    return value if isinstance(value, str) else number(value, where)


def read_retrieve(body: Any) -> tuple[list[Any], Any, Any]:
    """Return the requested ids, and the payload and vector selectors."""
    fields = Fields(body, "body")
    fields.refuse("shard_key")
    ids = fields.need("ids", items(point_id))
    payload = fields.take("with_payload", with_payload)
    vector = _or_false(fields.take("with_vector", with_vector))
    fields.done()
    return ids, True if payload is None else payload, vector


def read_count(body: Any) -> edge.CountRequest:
    fields = Fields(body or {}, "body")
    fields.refuse("shard_key")
    fields.take("exact", flag)
    chosen = fields.take("filter", read_filter)
    fields.done()
    # Counting exactly is quick enough here to never answer with an estimate.
    return edge.CountRequest(exact=True, filter=chosen)


def _or_false(value: Any) -> Any:
    return False if value is None else value
