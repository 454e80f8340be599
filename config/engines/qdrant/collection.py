"""One collection: a shard of the core, one writer at a time, many readers."""

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from config.engines.qdrant.fields import refused_by_core
from config.engines.qdrant.indexes import shown_index
from config.engines.qdrant.points import shown_hit, shown_id, shown_record
from config.engines.qdrant.refusals import Refused, not_found
from config.engines.qdrant.schema import Schema

# More searches at once than this only take the processor from each other.
_PARALLEL_READS = 8
# Two segments of the write-ahead log, which the core reserves ahead.
_RESERVE_BYTES = 64 * 1024 * 1024
_logger = logging.getLogger("qdrant")


class Collection:
    """A named shard on disk; everything acknowledged is in its write-ahead log."""

    def __init__(self, name: str, schema: Schema, folder: Path, shard: edge.EdgeShard) -> None:
        self.name = name
        self._folder = folder
        self.schema = schema
        self._shard = shard
        self._writing = threading.Lock()
        self._reading = threading.BoundedSemaphore(_PARALLEL_READS)
        self._closing = threading.Condition()
        self._users = 0
        self._closed = False
        self._changed = False
        self._operations = 0

    @classmethod
    def create(cls, name: str, schema: Schema, folder: Path) -> "Collection":
        require_space(folder.parent)
        with _core():
            shard = edge.EdgeShard.create(str(folder), schema.edge_config())
        return cls(name, schema, folder, shard)

    @classmethod
    def load(cls, name: str, schema: Schema, folder: Path) -> "Collection":
        """Open a collection, replay its write-ahead log, and purge deleted points."""
        shard = edge.EdgeShard.load(str(folder))
        if shard.optimize():
            shard.flush()  # only now the files of before are removed
        return cls(name, schema, folder, shard)

    def write(self, operation: Any) -> dict[str, Any]:
        """Apply an operation; None (nothing to do) is acknowledged as well."""
        with self._used(), self._writing:
            if operation is not None:
                require_space(self._folder)
                with _core():
                    self._shard.update(operation)
                self._changed = True
            self._operations += 1
            return {"operation_id": self._operations, "status": "completed"}

    def query(self, request: edge.QueryRequest) -> dict[str, Any]:
        with self._used(), self._reading, _core():
            return {"points": [shown_hit(hit) for hit in self._shard.query(request)]}

    def scroll(self, request: edge.ScrollRequest) -> dict[str, Any]:
        with self._used(), self._reading, _core():
            records, following = self._shard.scroll(request)
        return {
            "points": [shown_record(record) for record in records],
            "next_page_offset": None if following is None else shown_id(following),
        }

    def retrieve(self, ids: list[Any], payload: Any, vector: Any) -> list[dict[str, Any]]:
        with self._used(), self._reading, _core():
            return [shown_record(record) for record in self._shard.retrieve(ids, payload, vector)]

    def count(self, request: edge.CountRequest) -> dict[str, int]:
        with self._used(), self._reading, _core():
            return {"count": self._shard.count(request)}

    def info(self) -> dict[str, Any]:
        with self._used(), _core():
            info = self._shard.info()
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            # Searches look at every candidate: no approximate index is ever built.
            "indexed_vectors_count": 0,
            "segments_count": info.segments_count,
            "config": self.schema.shown(),
            "payload_schema": {
                name: shown_index(entry) for name, entry in info.payload_schema.items()
            },
        }

    def flush(self) -> None:
        """Write the log to its final place, so that the next start is fast."""
        try:
            with self._used(), self._writing, _core():
                if self._changed:
                    self._shard.flush()
                    self._changed = False
        except Refused as refusal:
            if not self._closed:
                _logger.warning("Flushing failed, the log still holds all: %s", refusal.message)

    def close(self) -> None:
        """Wait for pending reads and writes, then close the files."""
        with self._closing:
            self._closed = True
            self._closing.wait_for(lambda: self._users == 0)
            self._shard.flush()
            self._shard.close()

    @contextlib.contextmanager
    def _used(self) -> Iterator[None]:
        with self._closing:
            if self._closed:
                raise not_found(f"Collection `{self.name}` doesn't exist!")
            self._users += 1
        try:
            yield
        finally:
            with self._closing:
                self._users -= 1
                self._closing.notify_all()


def require_space(folder: Path) -> None:
    """Raise Refused before a write fills the disk.

    The core maps its files into memory: once the disk is full, a write to them kills the process.
    """
    if shutil.disk_usage(folder).free < _RESERVE_BYTES:
        raise Refused(507, "The disk that holds the vectors is full. Free some space.")


@contextlib.contextmanager
def _core() -> Iterator[None]:
    """Translate errors of the core into responses."""
    try:
        yield
    except Exception as reason:
        # The core raises bare Exception for everything, a wrong request as much as a broken disk.
        raise refused_by_core(reason) from reason
