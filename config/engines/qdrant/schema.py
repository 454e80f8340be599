"""The schema of a collection: from the request that creates it to the core's form."""

from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from config.engines.qdrant.fields import Fields, flag, mapping, number, one_of, positive, whole
from config.engines.qdrant.refusals import bad_request, not_supported

_DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Dot": edge.Distance.Dot,
    "Euclid": edge.Distance.Euclid,
    "Manhattan": edge.Distance.Manhattan,
}
_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
_MAX_SIZE = 65536
# Only optimisation would build an approximate index; searches here look at every candidate.
_NEVER_INDEX = 2**40
_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0}
_OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "indexing_threshold": 0,
    "flush_interval_sec": 5,
}


@dataclass(frozen=True)
class Schema:
    """The vectors of a collection; ``body`` is the validated request that created it."""

    body: dict[str, Any]
    dense: dict[str, edge.EdgeVectorParams]
    sparse: dict[str, edge.EdgeSparseVectorParams]

    def edge_config(self) -> edge.EdgeConfig:
        return edge.EdgeConfig(
            vectors=self.dense or None,
            sparse_vectors=self.sparse or None,
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NEVER_INDEX),
            wal_enabled=True,
        )

    def check_vector(self, name: str, vector: Any, where: str) -> None:
        """Raise for a vector that the collection does not define or of another size."""
        if isinstance(vector, edge.SparseVector):
            if name not in self.sparse:
                raise bad_request(f"{where}: the collection has no sparse vector named `{name}`.")
            return
        if name not in self.dense:
            raise bad_request(f"{where}: the collection has no dense vector named `{name}`.")
        expected = self.dense[name].size
        if len(vector) != expected:
            raise bad_request(
                f"{where}: expected {expected} dimensions (Vector dimension error), "
                f"got {len(vector)}."
            )

    def shown(self) -> dict[str, Any]:
        """Return the `config` of a collection as Qdrant does."""
        params = {
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
        }
        for name in ("vectors", "sparse_vectors", "on_disk_payload"):
            if self.body.get(name) is not None:
                params[name] = self.body[name]
        return {
            "params": params,
            "hnsw_config": {**_HNSW, **_given(self.body.get("hnsw_config"))},
            "optimizer_config": {**_OPTIMIZERS, **_given(self.body.get("optimizers_config"))},
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "quantization_config": None,
        }


def read_schema(body: Any) -> Schema:
    """Parse the request that creates a collection.

    Options that only tune speed are validated and stored; those that would change results or
    require replicas are rejected.
    """
    fields = Fields(body, "body")
    fields.refuse(
        "id_tracker",
        "init_from",
        "metadata",
        "payload",
        "quantization_config",
        "sharding_method",
        "strict_mode_config",
    )
    for name in ("shard_number", "replication_factor", "write_consistency_factor"):
        if (fields.take(name, positive) or 1) > 1:
            raise not_supported(f"`{name}` above 1")
    dense = fields.take("vectors", _dense) or {}
    sparse = fields.take("sparse_vectors", _sparse) or {}
    fields.take("on_disk_payload", flag)
    fields.take("hnsw_config", _hnsw)
    fields.take("optimizers_config", _optimizers)
    fields.take("wal_config", _wal)
    fields.done()
    if not dense and not sparse:
        raise bad_request("body must name at least one vector.")
    if dense.keys() & sparse.keys():
        raise bad_request("body gives a dense and a sparse vector the same name.")
    return Schema(body=body, dense=dense, sparse=sparse)


def _dense(value: Any, where: str) -> dict[str, edge.EdgeVectorParams]:
    if isinstance(value, dict) and "size" in value and not isinstance(value["size"], dict):
        return {"": _dense_params(value, where)}
    named = mapping(value, where)
    return {name: _dense_params(entry, f"{where}.{name}") for name, entry in named.items()}


def _dense_params(value: Any, where: str) -> edge.EdgeVectorParams:
    fields = Fields(value, where)
    fields.refuse("memory", "multivector_config", "quantization_config")
    size = fields.need("size", positive)
    if size > _MAX_SIZE:
        raise bad_request(f"{where}.size must be at most {_MAX_SIZE}.")
    distance = fields.need("distance", one_of(*_DISTANCES))
    datatype = fields.take("datatype", one_of(*_DATATYPES))
    on_disk = fields.take("on_disk", flag)
    fields.take("hnsw_config", _hnsw)
    fields.done()
    return edge.EdgeVectorParams(
        size=size,
        distance=_DISTANCES[distance],
        on_disk=on_disk,
        datatype=_DATATYPES[datatype] if datatype else None,
    )


def _sparse(value: Any, where: str) -> dict[str, edge.EdgeSparseVectorParams]:
    named = mapping(value, where)
    return {name: _sparse_params(entry, f"{where}.{name}") for name, entry in named.items()}


def _sparse_params(value: Any, where: str) -> edge.EdgeSparseVectorParams:
    fields = Fields(value, where)
    modifier = fields.take("modifier", one_of("none", "idf"))
    index = fields.take("index", _sparse_index) or {}
    fields.done()
    return edge.EdgeSparseVectorParams(
        modifier=edge.Modifier.Idf if modifier == "idf" else None, **index
    )


def _sparse_index(value: Any, where: str) -> dict[str, Any]:
    fields = Fields(value, where)
    fields.refuse("memory")
    datatype = fields.take("datatype", one_of(*_DATATYPES))
    read = {
        "full_scan_threshold": fields.take("full_scan_threshold", whole),
        "on_disk": fields.take("on_disk", flag),
        "datatype": _DATATYPES[datatype] if datatype else None,
    }
    fields.done()
    return read


def _hnsw(value: Any, where: str) -> None:
    fields = Fields(value, where)
    for name in ("m", "ef_construct", "full_scan_threshold", "max_indexing_threads", "payload_m"):
        fields.take(name, whole)
    fields.take("on_disk", flag)
    fields.done()


def _optimizers(value: Any, where: str) -> None:
    fields = Fields(value, where)
    fields.take("deleted_threshold", number)
    for name in (
        "vacuum_min_vector_number",
        "default_segment_number",
        "max_segment_size",
        "memmap_threshold",
        "indexing_threshold",
        "flush_interval_sec",
        "max_optimization_threads",
    ):
        fields.take(name, whole)
    fields.done()


def _wal(value: Any, where: str) -> None:
    fields = Fields(value, where)
    for name in ("wal_capacity_mb", "wal_segments_ahead", "wal_retain_closed"):
        fields.take(name, whole)
    fields.done()


def _given(options: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (options or {}).items() if value is not None}
