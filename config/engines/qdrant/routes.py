"""Routing of requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import qdrant_edge as edge

from config.engines.qdrant import points, queries
from config.engines.qdrant.catalog import Catalog
from config.engines.qdrant.fields import Fields, built, items
from config.engines.qdrant.indexes import read_index
from config.engines.qdrant.refusals import bad_request, not_supported

# The release of Qdrant whose REST API is answered in part.
API_VERSION = "1.20.0"
# Every write is applied and logged before it is answered, so these are always kept.
_QUERY = {"consistency", "ordering", "timeout", "wait"}
_CHECKS = {("healthz",), ("livez",), ("readyz",)}


@dataclass(frozen=True)
class Request:
    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Plain:
    """A response outside Qdrant's envelope: a text, or an object of its own."""

    content: str | dict[str, Any]


def is_health_check(request: Request) -> bool:
    """Return whether a request is a liveness probe, which needs no API key."""
    return request.method == "GET" and request.path in _CHECKS


class Router:
    """Dispatches each request to the collections; rejects one without a route."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._routes: dict[tuple[str, str], Callable[[Request, str], Any]] = {
            ("GET", ""): lambda _, name: self._catalog.get(name).info(),
            ("PUT", ""): lambda request, name: self._catalog.create(name, request.body),
            ("DELETE", ""): lambda _, name: self._catalog.delete(name),
            ("GET", "exists"): lambda _, name: {"exists": self._catalog.exists(name)},
            ("GET", "aliases"): lambda _, name: {"aliases": self._catalog.aliases(name)},
            ("PUT", "index"): self._writing(lambda body, _: read_index(body)),
            ("PUT", "points"): self._writing(points.read_upsert),
            ("POST", "points"): self._retrieve,
            ("POST", "points/delete"): self._writing(lambda body, _: points.read_delete(body)),
            ("POST", "points/payload"): self._writing(
                lambda body, _: points.read_set_payload(body, overwrite=False)
            ),
            ("PUT", "points/payload"): self._writing(
                lambda body, _: points.read_set_payload(body, overwrite=True)
            ),
            ("POST", "points/payload/delete"): self._writing(
                lambda body, _: points.read_delete_payload(body)
            ),
            ("POST", "points/payload/clear"): self._writing(
                lambda body, _: points.read_clear_payload(body)
            ),
            ("POST", "points/scroll"): lambda request, name: self._catalog.get(name).scroll(
                queries.read_scroll(request.body)
            ),
            ("POST", "points/count"): lambda request, name: self._catalog.get(name).count(
                queries.read_count(request.body)
            ),
            ("POST", "points/query"): self._query,
            ("POST", "points/query/batch"): self._query_batch,
        }

    def answer(self, request: Request) -> Any:
        """Return the `result` of a response, or a Plain one."""
        unknown = request.query.keys() - _QUERY
        if unknown:
            raise bad_request(f"the parameter `{min(unknown)}` is not known.")
        path = request.path
        if is_health_check(request):
            return Plain(f"{path[0]} check passed")
        if request.method == "GET":
            if not path:
                return Plain(self._greeting())
            if path == ("collections",):
                return {"collections": [{"name": name} for name in self._catalog.names()]}
            if path == ("aliases",):
                return {"aliases": self._catalog.aliases()}
        if request.method == "POST" and path == ("collections", "aliases"):
            return self._catalog.change_aliases(request.body)
        if len(path) >= 2 and path[0] == "collections":
            return self._on_collection(request, path[1], path[2:])
        raise not_supported(f"{request.method} /{'/'.join(path)}")

    def _on_collection(self, request: Request, name: str, rest: tuple[str, ...]) -> Any:
        if request.method == "DELETE" and len(rest) == 2 and rest[0] == "index":
            operation = built(edge.UpdateOperation.delete_field_index, rest[1], where="path")
            return self._catalog.get(name).write(operation)
        route = self._routes.get((request.method, "/".join(rest)))
        if route is None:
            raise not_supported(f"{request.method} /collections/{{name}}/{'/'.join(rest)}")
        return route(request, name)

    def _writing(self, read: Callable[[Any, Any], Any]) -> Callable[[Request, str], Any]:
        def write(request: Request, name: str) -> Any:
            collection = self._catalog.get(name)
            return collection.write(read(request.body, collection.schema))

        return write

    def _retrieve(self, request: Request, name: str) -> Any:
        return self._catalog.get(name).retrieve(*queries.read_retrieve(request.body))

    def _query(self, request: Request, name: str) -> Any:
        collection = self._catalog.get(name)
        return collection.query(queries.read_query(request.body, collection.schema))

    def _query_batch(self, request: Request, name: str) -> Any:
        collection = self._catalog.get(name)
        fields = Fields(request.body, "body")
        searches = fields.need(
            "searches",
            items(lambda value, where: queries.read_query(value, collection.schema, where)),
        )
        fields.done()
        return [collection.query(search) for search in searches]

    @staticmethod
    def _greeting() -> dict[str, Any]:
        return {
            "title": "qdrant - vector search engine",
            "version": API_VERSION,
            "embedded": f"qdrant-edge-py {metadata.version('qdrant-edge-py')}",
        }
