"""Every call of qdrant-client on collections and points, against the embedded process."""

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient, models

from tests.config.qdrant_points import DENSE, SPARSE, ids, only, point, where

# --- collections and aliases --------------------------------------------------------------------


def test_a_collection_is_created_described_listed_and_deleted(qdrant: QdrantClient) -> None:
    name = f"c-{uuid.uuid4().hex}"
    assert not qdrant.collection_exists(name)
    assert qdrant.create_collection(
        name, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT)
    )
    assert qdrant.collection_exists(name)
    assert name in {entry.name for entry in qdrant.get_collections().collections}
    described = qdrant.get_collection(name)
    assert described.config.params.vectors == models.VectorParams(
        size=3, distance=models.Distance.DOT
    )
    assert (described.points_count, described.status) == (0, models.CollectionStatus.GREEN)
    assert qdrant.delete_collection(name)
    assert not qdrant.delete_collection(name)
    assert not qdrant.collection_exists(name)


def test_an_alias_is_switched_from_one_collection_to_another_at_once(
    qdrant: QdrantClient, collection: str
) -> None:
    newer = f"c-{uuid.uuid4().hex}"
    qdrant.create_collection(newer, sparse_vectors_config={SPARSE: models.SparseVectorParams()})
    alias = f"a-{uuid.uuid4().hex}"
    create, delete = models.CreateAliasOperation, models.DeleteAliasOperation
    qdrant.update_collection_aliases(
        [create(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))]
    )
    assert qdrant.collection_exists(alias)
    qdrant.upsert(alias, [point(1)])
    assert qdrant.count(collection).count == qdrant.count(alias).count == 1
    qdrant.update_collection_aliases(
        [
            delete(delete_alias=models.DeleteAlias(alias_name=alias)),
            create(create_alias=models.CreateAlias(collection_name=newer, alias_name=alias)),
        ]
    )
    assert qdrant.count(alias).count == 0
    assert qdrant.get_collection_aliases(collection).aliases == []
    assert [entry.alias_name for entry in qdrant.get_collection_aliases(newer).aliases] == [alias]
    assert {
        (entry.alias_name, entry.collection_name) for entry in qdrant.get_aliases().aliases
    } >= {(alias, newer)}


def test_alias_actions_that_fail_change_nothing(qdrant: QdrantClient, collection: str) -> None:
    alias = f"a-{uuid.uuid4().hex}"
    create = models.CreateAliasOperation
    with pytest.raises(Exception, match="absent"):
        qdrant.update_collection_aliases(
            [
                create(
                    create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
                ),
                create(create_alias=models.CreateAlias(collection_name="absent", alias_name="x")),
            ]
        )
    assert not qdrant.collection_exists(alias)


def test_deleting_a_collection_deletes_its_aliases(qdrant: QdrantClient, collection: str) -> None:
    alias = f"a-{uuid.uuid4().hex}"
    operation = models.CreateAlias(collection_name=collection, alias_name=alias)
    qdrant.update_collection_aliases([models.CreateAliasOperation(create_alias=operation)])
    qdrant.delete_collection(collection)
    assert alias not in {entry.alias_name for entry in qdrant.get_aliases().aliases}


def test_payload_indexes_are_described_as_they_were_asked_for(
    qdrant: QdrantClient, collection: str
) -> None:
    text = models.TextIndexParams(
        type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, lowercase=True
    )
    for field, schema in (
        ("number", models.PayloadSchemaType.INTEGER),
        ("active", models.PayloadSchemaType.BOOL),
        ("at", models.PayloadSchemaType.DATETIME),
        ("price", models.PayloadSchemaType.FLOAT),
        ("text", text),
    ):
        qdrant.create_payload_index(collection, field, schema)
    described = qdrant.get_collection(collection).payload_schema
    assert {field: entry.data_type.value for field, entry in described.items()} == {
        "organization": "keyword",
        "number": "integer",
        "active": "bool",
        "at": "datetime",
        "price": "float",
        "text": "text",
    }
    assert described["text"].params == text
    assert described["organization"].params == models.KeywordIndexParams(
        type=models.KeywordIndexType.KEYWORD, is_tenant=True
    )
    qdrant.delete_payload_index(collection, "price")
    assert "price" not in qdrant.get_collection(collection).payload_schema


# --- points -------------------------------------------------------------------------------------


def test_points_come_back_as_they_were_stored(qdrant: QdrantClient, collection: str) -> None:
    identifier = str(uuid.uuid4())
    payload = {"organization": "o1", "deep": {"list": [1, 2.5, None, "Đắk Lắk"]}, "yes": True}
    sparse = models.SparseVector(indices=[3, 9], values=[0.5, 0.25])
    qdrant.upsert(
        collection,
        [
            models.PointStruct(
                id=identifier, vector={DENSE: [0.0, 0.6, 0.8, 0.0], SPARSE: sparse}, payload=payload
            )
        ],
    )
    (record,) = qdrant.retrieve(collection, [identifier], with_vectors=True)
    assert (record.id, record.payload) == (identifier, payload)
    vectors: Any = record.vector
    assert vectors[DENSE] == pytest.approx([0.0, 0.6, 0.8, 0.0])
    assert vectors[SPARSE] == sparse
    (bare,) = qdrant.retrieve(collection, [identifier], with_payload=["yes"])
    assert (bare.payload, bare.vector) == ({"yes": True}, None)
    assert qdrant.retrieve(collection, [str(uuid.uuid4())]) == []


def test_upserting_again_replaces(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(1, word="old"), point(2)])
    qdrant.upsert(collection, [point(1, word="new")])
    assert qdrant.count(collection).count == 2
    assert qdrant.retrieve(collection, [1], with_payload=["word"])[0].payload == {"word": "new"}


def test_an_unnamed_vector_and_columns_of_points(qdrant: QdrantClient) -> None:
    name = f"c-{uuid.uuid4().hex}"
    qdrant.create_collection(
        name, vectors_config=models.VectorParams(size=2, distance=models.Distance.EUCLID)
    )
    qdrant.upsert(
        name,
        models.Batch(ids=[1, 2], vectors=[[0.0, 1.0], [3.0, 4.0]], payloads=[{"a": 1}, {"a": 2}]),
    )
    found = qdrant.query_points(name, query=[3.0, 4.0], limit=1, with_vectors=True).points
    assert (found[0].id, found[0].score, found[0].vector) == (2, 0.0, [3.0, 4.0])


def test_points_are_deleted_by_ids_and_by_filter(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 7)])
    qdrant.delete(collection, [1, 999])
    assert qdrant.count(collection).count == 5
    qdrant.delete(collection, models.FilterSelector(filter=only("o0")))
    records, _ = qdrant.scroll(collection)
    assert ids(records) == [3, 5]


def test_payload_is_set_overwritten_and_deleted(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(1, word="a"), point(2, word="b")])
    qdrant.set_payload(collection, {"word": "c", "more": 1}, points=[1])
    qdrant.set_payload(collection, {"seen": True}, points=only("o0"))
    qdrant.overwrite_payload(collection, {"organization": "o0"}, points=[2])
    qdrant.delete_payload(collection, ["more"], points=[1])
    first, second = qdrant.retrieve(collection, [1, 2])
    assert first.payload == {"organization": "o1", "number": 1, "word": "c"}
    assert second.payload == {"organization": "o0"}
    qdrant.clear_payload(collection, [1])
    assert qdrant.retrieve(collection, [1])[0].payload == {}


def test_scroll_walks_all_points_page_by_page(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 8)])
    seen: list[object] = []
    offset = None
    while True:
        page, offset = qdrant.scroll(collection, scroll_filter=only("o1"), limit=2, offset=offset)
        seen += ids(page)
        if offset is None:
            break
    assert seen == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (where("number", value=3), [3]),
        (where("number", any=[2, 4, 99]), [2, 4]),
        (where("number", any=[]), []),
        (where("active", value=True), [4, 5]),
        (where("text", text="phê"), [1, 2, 3, 4, 5]),
        (where("text", text="số 2"), [2]),
        (models.FieldCondition(key="number", range=models.Range(gt=2, lte=4)), [3, 4]),
        (
            models.FieldCondition(
                key="at", range=models.DatetimeRange(gte=datetime(2026, 1, 4, tzinfo=UTC))
            ),
            [4, 5],
        ),
        (models.IsEmptyCondition(is_empty=models.PayloadField(key="rare")), [1, 2, 4, 5]),
        (models.HasIdCondition(has_id=[1, 5, 77]), [1, 5]),
        (models.Filter(should=[where("number", value=1), where("number", value=2)]), [1, 2]),
        (models.Filter(must_not=[where("organization", value="o1")]), [2, 4]),
    ],
)
@pytest.mark.parametrize("indexed", [False, True])
def test_filters_find_exactly_what_they_say(
    qdrant: QdrantClient,
    collection: str,
    condition: models.Condition,
    expected: list[int],
    *,
    indexed: bool,
) -> None:
    if indexed:
        qdrant.create_payload_index(collection, "number", models.PayloadSchemaType.INTEGER)
        qdrant.create_payload_index(collection, "active", models.PayloadSchemaType.BOOL)
        qdrant.create_payload_index(collection, "at", models.PayloadSchemaType.DATETIME)
        qdrant.create_payload_index(
            collection,
            "text",
            models.TextIndexParams(
                type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD
            ),
        )
    qdrant.upsert(
        collection,
        [
            point(
                number,
                active=number > 3,
                at=f"2026-01-0{number}T00:00:00Z",
                text=f"cà phê số {number}",
                **({"rare": "x"} if number == 3 else {}),
            )
            for number in range(1, 6)
        ],
    )
    matching = models.Filter(must=[condition])
    records, _ = qdrant.scroll(collection, scroll_filter=matching)
    assert ids(records) == expected
    assert qdrant.count(collection, count_filter=matching, exact=True).count == len(expected)


def test_the_root_and_the_checks_answer(qdrant: QdrantClient, qdrant_url: str) -> None:
    assert qdrant.info().title == "qdrant - vector search engine"
    for check in ("healthz", "livez", "readyz"):
        answer = httpx.get(f"{qdrant_url}/{check}", timeout=60)
        assert (answer.status_code, answer.text) == (200, f"{check} check passed")
