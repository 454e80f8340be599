"""Engines killed with -9 while they are written to: what was acknowledged is there afterwards."""

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import PyMongoError
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException
from redis import Redis
from redis.exceptions import RedisError

from config import engines
from config.engines.state import records
from crm.core.stores import qdrant_headers

ROUNDS = 2
WRITES_BEFORE_THE_KILL = 300
TENANT = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
WORDS = {"words": models.SparseVectorParams(modifier=models.Modifier.IDF)}


def acknowledged_until_killed(
    name: str, write: Callable[[int], object], errors: tuple[type[Exception], ...], first: int
) -> list[int]:
    """Write numbers one by one until the engine is killed; give those that were acknowledged."""
    acknowledged: list[int] = []
    victim = records()[name].pid
    enough = threading.Event()

    def keep_writing() -> None:
        number = first
        with contextlib.suppress(*errors):
            while True:
                write(number)
                acknowledged.append(number)
                number += 1
                if len(acknowledged) == WRITES_BEFORE_THE_KILL:
                    enough.set()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    assert enough.wait(timeout=60)
    os.kill(victim, signal.SIGKILL)
    writer.join(timeout=60)
    assert not writer.is_alive()
    return acknowledged


def test_postgresql_keeps_what_was_committed(folder: Path) -> None:
    acknowledged: list[int] = []
    for _ in range(ROUNDS):
        engines.start(["postgresql"])
        with psycopg.connect(engines.owner_url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS numbers (number int PRIMARY KEY)")
            first = connection.execute("SELECT count(*) FROM numbers").fetchone()

            def write(number: int, to: "psycopg.Connection[tuple[object]]" = connection) -> None:
                to.execute("INSERT INTO numbers VALUES (%s)", [number])

            assert first is not None
            acknowledged += acknowledged_until_killed(
                "postgresql", write, (psycopg.Error,), first[0]
            )
    engines.start(["postgresql"])
    with psycopg.connect(engines.owner_url()) as connection:
        stored = {number for (number,) in connection.execute("SELECT number FROM numbers")}
    assert set(acknowledged) <= stored
    assert len(acknowledged) >= ROUNDS * WRITES_BEFORE_THE_KILL


def test_mongodb_keeps_what_the_majority_acknowledged(folder: Path) -> None:
    acknowledged: list[int] = []
    for _ in range(ROUNDS):
        with mongodb(engines.start(["mongodb"]).mongodb) as client:
            numbers = client["kept"].get_collection(
                "numbers", write_concern=WriteConcern(w="majority", j=True)
            )
            numbers.create_index("word", unique=True)
            first = numbers.count_documents({})

            def write(number: int, to: object = numbers) -> None:
                to.insert_one({"_id": number, "word": f"w{number}"})  # type: ignore[attr-defined]

            acknowledged += acknowledged_until_killed("mongodb", write, (PyMongoError,), first)
    with mongodb(engines.start(["mongodb"]).mongodb) as client:
        stored = {entry["_id"] for entry in client["kept"]["numbers"].find()}
        by_index = client["kept"]["numbers"].find_one({"word": f"w{acknowledged[-1]}"})
    assert set(acknowledged) <= stored
    assert by_index == {"_id": acknowledged[-1], "word": f"w{acknowledged[-1]}"}


@contextlib.contextmanager
def mongodb(url: str) -> "Iterator[MongoClient[dict[str, object]]]":
    client: MongoClient[dict[str, object]] = MongoClient(
        url, serverSelectionTimeoutMS=2000, retryWrites=False
    )
    try:
        yield client
    finally:
        client.close()


def test_valkey_keeps_what_was_written(folder: Path) -> None:
    acknowledged: list[int] = []
    for _ in range(ROUNDS):
        with Redis.from_url(engines.start(["valkey"]).redis, retry=None) as client:

            def write(number: int, to: "Redis" = client) -> None:
                to.set(f"number:{number}", number)

            acknowledged += acknowledged_until_killed(
                "valkey", write, (RedisError,), client.dbsize()
            )
    with Redis.from_url(engines.start(["valkey"]).redis) as client:
        stored = client.mget([f"number:{number}" for number in acknowledged])
    assert stored == [str(number).encode() for number in acknowledged]


def test_qdrant_keeps_points_indexes_and_aliases(folder: Path) -> None:
    acknowledged: list[int] = []
    for round_number in range(ROUNDS):
        with qdrant(engines.start(["qdrant"]).qdrant) as client:
            if round_number == 0:
                client.create_collection(
                    "numbers",
                    vectors_config=models.VectorParams(size=3, distance=models.Distance.COSINE),
                    sparse_vectors_config=WORDS,
                )
                client.create_payload_index("numbers", "organization", TENANT)
                alias = models.CreateAlias(collection_name="numbers", alias_name="current")
                client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
            with pytest.raises(ApiException):
                client.upsert("current", [models.PointStruct(id=1, vector=[1.0])])

            def write(number: int, to: QdrantClient = client) -> None:
                to.upsert("current", [numbered_point(number)], wait=True)

            first = client.count("current").count
            acknowledged += acknowledged_until_killed("qdrant", write, (ApiException,), first)
    with qdrant(engines.start(["qdrant"]).qdrant) as client:
        found = client.retrieve("current", acknowledged, with_payload=True)
        assert {record.id: (record.payload or {})["word"] for record in found} == {
            number: f"w{number}" for number in acknowledged
        }
        mine = models.Filter(
            must=[models.FieldCondition(key="organization", match=models.MatchValue(value="o1"))]
        )
        last = max(number for number in acknowledged if number % 2)
        hit = client.query_points(
            "current", query=[1.0, float(last), 0.5], query_filter=mine, limit=1
        ).points[0]
        assert hit.payload is not None
        assert hit.payload["organization"] == "o1"
        described = client.get_collection("current")
        assert described.payload_schema["organization"].params == TENANT
        assert described.config.params.sparse_vectors == WORDS


def numbered_point(number: int) -> models.PointStruct:
    return models.PointStruct(
        id=number,
        vector={
            "": [1.0, float(number), 0.5],
            "words": models.SparseVector(indices=[number], values=[1.0]),
        },
        payload={"word": f"w{number}", "organization": f"o{number % 2}"},
    )


@contextlib.contextmanager
def qdrant(url: str) -> Iterator[QdrantClient]:
    client = QdrantClient(
        url=url,
        headers=qdrant_headers(engines.qdrant_api_key()),
        timeout=60,
        check_compatibility=False,
    )
    try:
        yield client
    finally:
        client.close()


def test_a_collection_half_made_or_half_deleted_is_gone_after_a_kill(folder: Path) -> None:
    urls = engines.start(["qdrant"])
    with qdrant(urls.qdrant) as client:
        client.create_collection(
            "whole", vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT)
        )
    os.kill(records()["qdrant"].pid, signal.SIGKILL)
    collections = folder / "qdrant" / "collections"
    half = collections / uuid.uuid4().hex
    (half / "shard" / "segments").mkdir(parents=True)
    with qdrant(engines.start(["qdrant"]).qdrant) as client:
        assert [entry.name for entry in client.get_collections().collections] == ["whole"]
    assert not half.exists()
    assert len(list(collections.iterdir())) == 1


def test_the_space_of_deleted_points_is_free_after_a_restart(folder_on_disk: Path) -> None:
    with qdrant(engines.start(["qdrant"]).qdrant) as client:
        client.create_collection(
            "large", vectors_config=models.VectorParams(size=256, distance=models.Distance.DOT)
        )
        for first in range(0, 4000, 500):
            numbers: list[int | str | uuid.UUID] = list(range(first, first + 500))
            vectors = [[float(first + index)] * 256 for index in range(500)]
            client.upsert("large", models.Batch(ids=numbers, vectors=vectors))
        client.delete("large", list(range(100, 4000)))
    engines.stop()
    before = segment_bytes(folder_on_disk)
    with qdrant(engines.start(["qdrant"]).qdrant) as client:
        assert client.count("large").count == 100
        assert client.retrieve("large", [99], with_vectors=True)[0].vector == [99.0] * 256
    assert segment_bytes(folder_on_disk) < before / 2


def segment_bytes(folder: Path) -> int:
    """Count what the segments take on the disk; their files have holes."""
    segments = folder.glob("qdrant/collections/*/shard/segments/**/*")
    return sum(path.stat().st_blocks * 512 for path in segments if path.is_file())


def test_searches_go_on_while_points_are_written_and_a_collection_is_deleted(
    folder: Path,
) -> None:
    urls = engines.start(["qdrant"])
    failures: list[Exception] = []
    stopping = threading.Event()
    with qdrant(urls.qdrant) as client:
        for name in ("kept", "dropped"):
            client.create_collection(
                name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT)
            )

        def work(act: Callable[[int], object]) -> None:
            number = 0
            while not stopping.is_set():
                number += 1
                try:
                    act(number)
                except ApiException as reason:
                    failures.append(reason)

        point = models.PointStruct
        threads = [
            threading.Thread(target=work, args=(act,))
            for act in (
                lambda number: client.upsert("kept", [point(id=number, vector=[1.0, 1.0])]),
                lambda _: client.query_points("kept", query=[1.0, 0.0], limit=3),
                lambda _: client.query_points("kept", query=[0.0, 1.0], limit=3),
                lambda _: client.query_points("dropped", query=[1.0, 0.0], limit=3),
            )
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        client.delete_collection("dropped")
        deadline = time.monotonic() + 60
        while not failures and time.monotonic() < deadline:
            time.sleep(0.05)
        stopping.set()
        for thread in threads:
            thread.join()
        assert client.count("kept").count > 0
    assert {getattr(failure, "status_code", None) for failure in failures} == {404}
