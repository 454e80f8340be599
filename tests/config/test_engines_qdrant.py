"""Every call of qdrant-client that the application makes, against the embedded process."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient, models

from tests.config.engine_sets import own_engines

DENSE, SPARSE = "dense", "sparse"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with own_engines(["qdrant"]) as urls:
        yield urls.qdrant


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[QdrantClient]:
    client = QdrantClient(url=url)
    yield client
    client.close()


@pytest.fixture
def name(client: QdrantClient) -> str:
    """Name a collection with a dense and a sparse vector, and an index on the tenant."""
    name = f"c-{uuid.uuid4().hex}"
    client.create_collection(
        name,
        vectors_config={DENSE: models.VectorParams(size=4, distance=models.Distance.COSINE)},
        sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
    )
    client.create_payload_index(
        name,
        "organization",
        models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    )
    return name


def point(number: int, **payload: object) -> models.PointStruct:
    return models.PointStruct(
        id=number,
        vector={
            DENSE: [1.0, float(number), 0.0, 0.5],
            SPARSE: models.SparseVector(indices=[1, 10 + number], values=[1.0, 2.0]),
        },
        payload={"organization": f"o{number % 2}", "number": number, **payload},
    )


def only(organization: str) -> models.Filter:
    return models.Filter(must=[where("organization", value=organization)])


def where(key: str, **match: object) -> models.FieldCondition:
    kinds = {"value": models.MatchValue, "any": models.MatchAny, "text": models.MatchText}
    kind, wanted = next(iter(match.items()))
    return models.FieldCondition(key=key, match=kinds[kind](**{kind: wanted}))


def ids(found: Any) -> list[Any]:
    return [entry.id for entry in found]


# --- collections and aliases --------------------------------------------------------------------


def test_a_collection_is_created_described_listed_and_deleted(client: QdrantClient) -> None:
    name = f"c-{uuid.uuid4().hex}"
    assert not client.collection_exists(name)
    assert client.create_collection(
        name, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT)
    )
    assert client.collection_exists(name)
    assert name in {entry.name for entry in client.get_collections().collections}
    described = client.get_collection(name)
    assert described.config.params.vectors == models.VectorParams(
        size=3, distance=models.Distance.DOT
    )
    assert (described.points_count, described.status) == (0, models.CollectionStatus.GREEN)
    assert client.delete_collection(name)
    assert not client.delete_collection(name)
    assert not client.collection_exists(name)


def test_an_alias_is_switched_from_one_collection_to_another_at_once(
    client: QdrantClient, name: str
) -> None:
    newer = f"c-{uuid.uuid4().hex}"
    client.create_collection(newer, sparse_vectors_config={SPARSE: models.SparseVectorParams()})
    alias = f"a-{uuid.uuid4().hex}"
    create, delete = models.CreateAliasOperation, models.DeleteAliasOperation
    client.update_collection_aliases(
        [create(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))]
    )
    assert client.collection_exists(alias)
    client.upsert(alias, [point(1)])
    assert client.count(name).count == client.count(alias).count == 1
    client.update_collection_aliases(
        [
            delete(delete_alias=models.DeleteAlias(alias_name=alias)),
            create(create_alias=models.CreateAlias(collection_name=newer, alias_name=alias)),
        ]
    )
    assert client.count(alias).count == 0
    assert client.get_collection_aliases(name).aliases == []
    assert [entry.alias_name for entry in client.get_collection_aliases(newer).aliases] == [alias]
    assert {
        (entry.alias_name, entry.collection_name) for entry in client.get_aliases().aliases
    } >= {(alias, newer)}


def test_alias_actions_that_fail_change_nothing(client: QdrantClient, name: str) -> None:
    alias = f"a-{uuid.uuid4().hex}"
    create = models.CreateAliasOperation
    with pytest.raises(Exception, match="absent"):
        client.update_collection_aliases(
            [
                create(create_alias=models.CreateAlias(collection_name=name, alias_name=alias)),
                create(create_alias=models.CreateAlias(collection_name="absent", alias_name="x")),
            ]
        )
    assert not client.collection_exists(alias)


def test_deleting_a_collection_deletes_its_aliases(client: QdrantClient, name: str) -> None:
    alias = f"a-{uuid.uuid4().hex}"
    operation = models.CreateAlias(collection_name=name, alias_name=alias)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=operation)])
    client.delete_collection(name)
    assert alias not in {entry.alias_name for entry in client.get_aliases().aliases}


def test_payload_indexes_are_described_as_they_were_asked_for(
    client: QdrantClient, name: str
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
        client.create_payload_index(name, field, schema)
    described = client.get_collection(name).payload_schema
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
    client.delete_payload_index(name, "price")
    assert "price" not in client.get_collection(name).payload_schema


# --- points -------------------------------------------------------------------------------------


def test_points_come_back_as_they_were_stored(client: QdrantClient, name: str) -> None:
    identifier = str(uuid.uuid4())
    payload = {"organization": "o1", "deep": {"list": [1, 2.5, None, "Đắk Lắk"]}, "yes": True}
    sparse = models.SparseVector(indices=[3, 9], values=[0.5, 0.25])
    client.upsert(
        name,
        [
            models.PointStruct(
                id=identifier, vector={DENSE: [0.0, 0.6, 0.8, 0.0], SPARSE: sparse}, payload=payload
            )
        ],
    )
    (record,) = client.retrieve(name, [identifier], with_vectors=True)
    assert (record.id, record.payload) == (identifier, payload)
    vectors: Any = record.vector
    assert vectors[DENSE] == pytest.approx([0.0, 0.6, 0.8, 0.0])
    assert vectors[SPARSE] == sparse
    (bare,) = client.retrieve(name, [identifier], with_payload=["yes"])
    assert (bare.payload, bare.vector) == ({"yes": True}, None)
    assert client.retrieve(name, [str(uuid.uuid4())]) == []


def test_upserting_again_replaces(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(1, word="old"), point(2)])
    client.upsert(name, [point(1, word="new")])
    assert client.count(name).count == 2
    assert client.retrieve(name, [1], with_payload=["word"])[0].payload == {"word": "new"}


def test_an_unnamed_vector_and_columns_of_points(client: QdrantClient) -> None:
    name = f"c-{uuid.uuid4().hex}"
    client.create_collection(
        name, vectors_config=models.VectorParams(size=2, distance=models.Distance.EUCLID)
    )
    client.upsert(
        name,
        models.Batch(ids=[1, 2], vectors=[[0.0, 1.0], [3.0, 4.0]], payloads=[{"a": 1}, {"a": 2}]),
    )
    found = client.query_points(name, query=[3.0, 4.0], limit=1, with_vectors=True).points
    assert (found[0].id, found[0].score, found[0].vector) == (2, 0.0, [3.0, 4.0])


def test_points_are_deleted_by_ids_and_by_filter(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 7)])
    client.delete(name, [1, 999])
    assert client.count(name).count == 5
    client.delete(name, models.FilterSelector(filter=only("o0")))
    records, _ = client.scroll(name)
    assert ids(records) == [3, 5]


def test_payload_is_set_overwritten_and_deleted(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(1, word="a"), point(2, word="b")])
    client.set_payload(name, {"word": "c", "more": 1}, points=[1])
    client.set_payload(name, {"seen": True}, points=only("o0"))
    client.overwrite_payload(name, {"organization": "o0"}, points=[2])
    client.delete_payload(name, ["more"], points=[1])
    first, second = client.retrieve(name, [1, 2])
    assert first.payload == {"organization": "o1", "number": 1, "word": "c"}
    assert second.payload == {"organization": "o0"}
    client.clear_payload(name, [1])
    assert client.retrieve(name, [1])[0].payload == {}


def test_scroll_walks_all_points_page_by_page(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 8)])
    seen: list[object] = []
    offset = None
    while True:
        page, offset = client.scroll(name, scroll_filter=only("o1"), limit=2, offset=offset)
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
    client: QdrantClient,
    name: str,
    condition: models.Condition,
    expected: list[int],
    *,
    indexed: bool,
) -> None:
    if indexed:
        client.create_payload_index(name, "number", models.PayloadSchemaType.INTEGER)
        client.create_payload_index(name, "active", models.PayloadSchemaType.BOOL)
        client.create_payload_index(name, "at", models.PayloadSchemaType.DATETIME)
        client.create_payload_index(
            name,
            "text",
            models.TextIndexParams(
                type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD
            ),
        )
    client.upsert(
        name,
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
    records, _ = client.scroll(name, scroll_filter=matching)
    assert ids(records) == expected
    assert client.count(name, count_filter=matching, exact=True).count == len(expected)


# --- search -------------------------------------------------------------------------------------


def test_dense_search_scores_by_cosine(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 4)])
    found = client.query_points(name, query=[1.0, 0.0, 0.0, 0.5], using=DENSE, limit=2).points
    assert ids(found) == [1, 2]
    assert [hit.score for hit in found] == pytest.approx(
        [1.25 / (1.25**0.5 * 2.25**0.5), 1.25 / (1.25**0.5 * 5.25**0.5)], rel=1e-5
    )
    second = client.query_points(
        name, query=[1.0, 0.0, 0.0, 0.5], using=DENSE, limit=1, offset=1, with_payload=["number"]
    ).points
    assert (second[0].id, second[0].payload) == (2, {"number": 2})
    good = client.query_points(
        name, query=[1.0, 0.0, 0.0, 0.5], using=DENSE, score_threshold=found[0].score - 0.001
    ).points
    assert ids(good) == [1]


def test_sparse_search_weighs_rare_words_more(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 4)])
    query = models.SparseVector(indices=[1, 12], values=[1.0, 1.0])
    found = client.query_points(name, query=query, using=SPARSE).points
    # Index 1 is in all three of three points, index 12 in one; ln((N - n + 0.5) / (n + 0.5) + 1).
    common, rare = 0.13353139262452257, 0.9808292530117263
    assert found[0].id == 2
    assert found[0].score == pytest.approx(common + 2 * rare, rel=1e-5)
    assert sorted(ids(found[1:])) == [1, 3]
    assert [hit.score for hit in found[1:]] == pytest.approx([common, common], rel=1e-5)


def test_fusion_equals_reciprocal_ranks_added_by_hand(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 9)])
    dense_query = [0.2, 1.0, 0.3, 0.1]
    sparse_query = models.SparseVector(indices=[1, 12, 14, 17], values=[0.1, 0.9, 0.8, 0.7])
    lists = [
        client.query_points(name, query=dense_query, using=DENSE, limit=4).points,
        client.query_points(name, query=sparse_query, using=SPARSE, limit=4).points,
    ]
    expected: dict[object, float] = {}
    for found in lists:
        for rank, hit in enumerate(found):
            expected[hit.id] = expected.get(hit.id, 0.0) + 1.0 / (2 + rank)
    fused = client.query_points(
        name,
        prefetch=[
            models.Prefetch(query=dense_query, using=DENSE, limit=4),
            models.Prefetch(query=sparse_query, using=SPARSE, limit=4),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=20,
    ).points
    assert {hit.id: hit.score for hit in fused} == pytest.approx(expected)
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)
    weighted = client.query_points(
        name,
        prefetch=[
            models.Prefetch(query=dense_query, using=DENSE, limit=4),
            models.Prefetch(query=sparse_query, using=SPARSE, limit=4),
        ],
        query=models.RrfQuery(rrf=models.Rrf(k=60)),
        limit=20,
    ).points
    assert {hit.id for hit in weighted} == set(expected)
    assert max(hit.score for hit in weighted) < 2 / 60


def test_distribution_based_fusion_ranks_what_both_lists_hold_first(
    client: QdrantClient, name: str
) -> None:
    client.upsert(name, [point(number) for number in range(1, 6)])
    fused = client.query_points(
        name,
        prefetch=[
            models.Prefetch(query=[1.0, 2.0, 0.0, 0.5], using=DENSE, limit=3),
            models.Prefetch(
                query=models.SparseVector(indices=[12], values=[1.0]), using=SPARSE, limit=3
            ),
        ],
        query=models.FusionQuery(fusion=models.Fusion.DBSF),
    ).points
    assert fused[0].id == 2


def test_several_queries_in_one_request(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 4)])
    request = models.QueryRequest(query=[1.0, 3.0, 0.0, 0.5], using=DENSE, limit=1)
    both = client.query_batch_points(name, [request, request])
    assert [ids(response.points) for response in both] == [[3], [3]]


def test_a_tenant_never_sees_another_tenants_points(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 201)])
    mine = only("o1")
    fusions = [
        models.Prefetch(query=[1.0, 2.0, 0.0, 0.5], using=DENSE, limit=200, filter=mine),
        models.Prefetch(
            query=models.SparseVector(indices=[1], values=[1.0]),
            using=SPARSE,
            limit=200,
            filter=mine,
        ),
    ]
    answers = [
        client.query_points(
            name, query=[1.0, 2.0, 0.0, 0.5], using=DENSE, limit=200, query_filter=mine
        ).points,
        client.query_points(
            name,
            query=models.SparseVector(indices=[1], values=[1.0]),
            using=SPARSE,
            limit=200,
            query_filter=mine,
        ).points,
        client.query_points(
            name,
            prefetch=fusions,
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            limit=200,
        ).points,
        client.scroll(name, scroll_filter=mine, limit=200)[0],
    ]
    odd = set(range(1, 200, 2))
    assert [set(ids(answer)) for answer in answers] == [odd] * 4
    assert client.count(name, count_filter=mine).count == 100
    assert (
        client.query_points(
            name, query=[1.0, 2.0, 0.0, 0.5], using=DENSE, query_filter=only("nobody")
        ).points
        == []
    )


def test_rare_words_can_be_counted_inside_one_tenant(client: QdrantClient, name: str) -> None:
    client.upsert(name, [point(number) for number in range(1, 4)])
    query = models.SparseVector(indices=[12], values=[1.0])
    mine = only("o0")
    (hit,) = client.query_points(
        name,
        query=query,
        using=SPARSE,
        query_filter=mine,
        search_params=models.SearchParams(idf=models.IdfCorpusParams(corpus=mine)),
    ).points
    # One point in the corpus, and it holds the word: ln((1 - 1 + 0.5) / (1 + 0.5) + 1).
    assert hit.score == pytest.approx(2 * 0.28768207245178085, rel=1e-5)


def test_the_root_and_the_checks_answer(client: QdrantClient, url: str) -> None:
    assert client.info().title == "qdrant - vector search engine"
    for check in ("healthz", "livez", "readyz"):
        answer = httpx.get(f"{url}/{check}")
        assert (answer.status_code, answer.text) == (200, f"{check} check passed")
