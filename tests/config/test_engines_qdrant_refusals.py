"""The embedded Qdrant refuses what it does not know, in Qdrant's own form, and changes nothing."""

import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from config import engines
from crm.core.stores import qdrant_headers
from tests.config.engine_sets import own_engines

DENSE = {"dense": {"size": 2, "distance": "Cosine"}}


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    with own_engines(["qdrant"]) as urls:
        headers = qdrant_headers(engines.qdrant_api_key())
        with httpx.Client(base_url=urls.qdrant, headers=headers, timeout=60) as client:
            yield client


@pytest.fixture
def place(api: httpx.Client) -> str:
    """Give the path of a collection that holds one point."""
    place = f"/collections/c-{uuid.uuid4().hex}"
    body = {"vectors": DENSE, "sparse_vectors": {"sparse": {"modifier": "idf"}}}
    assert api.put(place, json=body).status_code == 200
    point = {"id": 1, "vector": {"dense": [1.0, 0.0]}, "payload": {"organization": "o1"}}
    assert api.put(f"{place}/points", json={"points": [point]}).status_code == 200
    return place


def refusal(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"status", "time"}
    assert set(body["status"]) == {"error"}
    return answer.status_code, body["status"]["error"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (None, 400, "must be an object"),
        ({}, 400, "at least one vector"),
        ({"vectors": {"size": 0, "distance": "Cosine"}}, 400, "at least 1"),
        ({"vectors": {"size": 2, "distance": "Hamming"}}, 400, "one of Cosine"),
        ({"vectors": {"size": 2}}, 400, "distance is missing"),
        ({"vectors": DENSE, "surprise": 1}, 400, "unknown field `surprise`"),
        ({"vectors": DENSE, "replication_factor": 2}, 501, "replication_factor"),
        ({"vectors": DENSE, "quantization_config": {"scalar": {}}}, 501, "quantization_config"),
        ({"vectors": DENSE, "strict_mode_config": {"enabled": True}}, 501, "strict_mode_config"),
        (
            {"vectors": {"size": 2, "distance": "Dot", "multivector_config": {}}},
            501,
            "multivector_config",
        ),
        ({"vectors": DENSE, "sparse_vectors": {"dense": {}}}, 400, "the same name"),
        ({"vectors": DENSE, "hnsw_config": {"m": "many"}}, 400, "whole number"),
    ],
)
def test_collections_that_cannot_be_made(
    api: httpx.Client, body: Any, status: int, words: str
) -> None:
    name = f"c-{uuid.uuid4().hex}"
    code, sentence = refusal(api.put(f"/collections/{name}", json=body))
    assert (code, words in sentence) == (status, True), sentence
    assert api.get(f"/collections/{name}/exists").json()["result"] == {"exists": False}


def test_a_collection_is_made_once(api: httpx.Client, place: str) -> None:
    code, sentence = refusal(api.put(place, json={"vectors": DENSE}))
    assert (code, "already exists" in sentence) == (409, True)
    assert api.post(f"{place}/points/count", json={}).json()["result"] == {"count": 1}


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "a%00b", "x" * 256, "a:b"])
def test_names_that_no_collection_may_have(api: httpx.Client, name: str) -> None:
    assert refusal(api.put(f"/collections/{name}", json={"vectors": DENSE}))[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("points/scroll", {}),
        ("points/count", {}),
        ("points/query", {"query": [1.0, 0.0], "using": "dense"}),
        ("points/delete", {"points": [1]}),
    ],
)
def test_a_collection_that_is_not_there(api: httpx.Client, path: str, body: dict[str, Any]) -> None:
    code, sentence = refusal(api.post(f"/collections/absent/{path}", json=body))
    assert (code, "`absent` doesn't exist" in sentence) == (404, True)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"id": -1, "vector": {"dense": [1.0, 0.0]}}, "UUID or a whole number"),
        ({"id": "no-uuid", "vector": {"dense": [1.0, 0.0]}}, "UUID or a whole number"),
        ({"id": 2}, "vector is missing"),
        ({"id": 2, "vector": {"dense": [1.0]}}, "expected 2 dimensions"),
        ({"id": 2, "vector": {"dense": [1.0, "a"]}}, "list of numbers"),
        ({"id": 2, "vector": {"dense": [1.0, True]}}, "list of numbers"),
        ({"id": 2, "vector": {"dense": [1e39, 0.0]}}, "too large"),
        ({"id": 2, "vector": {"other": [1.0, 0.0]}}, "no dense vector named `other`"),
        ({"id": 2, "vector": [1.0, 0.0]}, "no dense vector named ``"),
        (
            {"id": 2, "vector": {"sparse": {"indices": [1, 1], "values": [1.0, 2.0]}}},
            "must be different",
        ),
        (
            {"id": 2, "vector": {"sparse": {"indices": [1], "values": [1.0, 2.0]}}},
            "as many values",
        ),
        ({"id": 2, "vector": {"dense": [1.0, 0.0]}, "payload": []}, "must be an object"),
        ({"id": 2, "vector": {"dense": [1.0, 0.0]}, "extra": 1}, "unknown field `extra`"),
    ],
)
def test_points_that_cannot_be_stored(
    api: httpx.Client, place: str, point: dict[str, Any], words: str
) -> None:
    good = {"id": 3, "vector": {"dense": [0.0, 1.0]}}
    code, sentence = refusal(api.put(f"{place}/points", json={"points": [good, point]}))
    assert (code, words in sentence) == (400, True), sentence
    assert api.post(f"{place}/points/count", json={}).json()["result"] == {"count": 1}


@pytest.mark.parametrize(
    ("conditions", "status", "words"),
    [
        ({"must": [{"key": "organization"}]}, 400, "one thing to compare"),
        ({"must": [{"key": "organization", "match": {"value": 1.5}}]}, 400, "must be a string"),
        ({"must": [{"key": "organization", "match": {"like": "o"}}]}, 501, "this match"),
        ({"must": [{"key": "a[", "match": {"value": 1}}]}, 400, "invalid JSON path"),
        ({"must": [{"key": "n", "match": {"value": 2**70}}]}, 400, "failed"),
        ({"must": [{"key": "n", "match": {"any": [1, "a"]}}]}, 400, "strings only"),
        ({"must": [{"key": "n", "range": {"gt": "soon"}}]}, 400, "date-time"),
        ({"must": [{"key": "n", "range": {"gt": 1, "lt": "2026-01-01"}}]}, 400, "numbers only"),
        ({"must": [{"key": "n", "range": {}}]}, 400, "numbers only"),
        ({"must": [{"key": "at", "geo_radius": {}}]}, 501, "geo_radius"),
        ({"must": [{"surprise": 1}]}, 400, "no condition that is known"),
        ({"must": [{"key": "n", "match": {"value": 1}, "boost": 2}]}, 400, "`boost`"),
        ({"must_have": []}, 400, "unknown field `must_have`"),
        ([], 400, "must be an object"),
    ],
)
@pytest.mark.parametrize("action", ["scroll", "count", "delete", "query"])
def test_a_filter_that_is_not_understood_finds_and_deletes_nothing(
    api: httpx.Client, place: str, action: str, conditions: Any, status: int, words: str
) -> None:
    body = {"filter": conditions}
    if action == "query":
        body |= {"query": [1.0, 0.0], "using": "dense"}
    code, sentence = refusal(api.post(f"{place}/points/{action}", json=body))
    assert (code, words in sentence) == (status, True), sentence
    assert api.post(f"{place}/points/count", json={}).json()["result"] == {"count": 1}


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"query": 1, "using": "dense"}, 501, "point id"),
        ({"query": {"nearest": 1}, "using": "dense"}, 501, "point id"),
        ({"query": {"recommend": {"positive": [1]}}, "using": "dense"}, 501, "recommend"),
        ({"query": {"text": "coffee", "model": "m"}, "using": "dense"}, 501, "text"),
        ({"query": [[1.0, 0.0]], "using": "dense"}, 501, "multi-vectors"),
        ({"query": [1.0], "using": "dense"}, 400, "expected 2 dimensions"),
        ({"query": [1.0, 0.0]}, 400, "no dense vector named ``"),
        ({"query": [1.0, 0.0], "using": "sparse"}, 400, "no dense vector named `sparse`"),
        ({"query": {"fusion": "rrf"}}, 400, "nothing to fuse"),
        ({"query": {"fusion": "magic"}}, 400, "one of rrf"),
        ({"prefetch": [{"query": [1.0, 0.0], "using": "dense"}]}, 400, "what to do"),
        ({"query": [1.0, 0.0], "using": "dense", "limit": 0}, 400, "at least 1"),
        ({"query": [1.0, 0.0], "using": "dense", "offset": -1}, 400, "0 or more"),
        ({"query": [1.0, 0.0], "using": "dense", "lookup_from": {}}, 501, "lookup_from"),
        ({"query": [1.0, 0.0], "using": "dense", "shard_key": "a"}, 501, "shard_key"),
        (
            {"query": [1.0, 0.0], "using": "dense", "params": {"indexed_only": True}},
            501,
            "indexed_only",
        ),
        ({"query": [1.0, 0.0], "using": "dense", "with_payload": 1}, 400, "must be an object"),
        ({"query": {"order_by": "organization"}}, 400, "range index"),
    ],
)
def test_queries_that_are_not_answered(
    api: httpx.Client, place: str, query: dict[str, Any], status: int, words: str
) -> None:
    code, sentence = refusal(api.post(f"{place}/points/query", json=query))
    assert (code, words in sentence) == (status, True), sentence


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "", {}, 501),
        ("POST", "/points/query/groups", {}, 501),
        ("POST", "/points/search", {}, 501),
        ("POST", "/points/batch", {}, 501),
        ("PUT", "/points/vectors", {}, 501),
        ("POST", "/facet", {}, 501),
        ("POST", "/snapshots", {}, 501),
        ("PUT", "/index", {"field_name": "a", "field_schema": "geo"}, 501),
        ("PUT", "/index", {"field_name": "a", "field_schema": "colour"}, 501),
        ("PUT", "/index", {"field_name": "a["}, 400),
        ("PUT", "/points?wait=true&hurry=1", {"points": []}, 400),
        ("PUT", "/points", {"points": [], "update_filter": {}}, 501),
        ("POST", "/points/delete", {}, 400),
        ("POST", "/points/delete", {"points": [1], "filter": {}}, 400),
        ("POST", "/points/payload", {"payload": {"a": 1}}, 400),
        ("POST", "/points/payload", {"payload": {"a": 1}, "points": [77]}, 404),
        ("POST", "/points/payload", {"payload": 1, "points": [1]}, 400),
    ],
)
def test_calls_that_are_not_answered(
    api: httpx.Client, place: str, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    assert refusal(api.request(method, place + path, json=body))[0] == status
    scrolled = api.post(f"{place}/points/scroll", json={}).json()["result"]["points"]
    assert scrolled == [{"id": 1, "payload": {"organization": "o1"}, "vector": None}]


@pytest.mark.parametrize("path", ["/telemetry", "/metrics", "/cluster", "/snapshots", "/anything"])
def test_places_that_are_not_there(api: httpx.Client, path: str) -> None:
    assert refusal(api.get(path))[0] == 501


@pytest.mark.parametrize("raw", [b"{", b"[1,2", b'{"points": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json(api: httpx.Client, place: str, raw: bytes) -> None:
    assert refusal(api.put(f"{place}/points", content=raw))[0] == 400


def test_a_body_that_is_too_large_is_refused_unread(api: httpx.Client) -> None:
    address = urlsplit(str(api.base_url))
    head = b"PUT /collections/c/points HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert "Payload too large" in json.loads(answer.partition(b"\r\n\r\n")[2])["status"]["error"]


def test_a_connection_that_sends_no_http_leaves_the_others_alone(api: httpx.Client) -> None:
    address = urlsplit(str(api.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert api.get("/readyz").status_code == 200
