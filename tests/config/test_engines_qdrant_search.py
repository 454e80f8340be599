"""Searches of qdrant-client against the embedded process: what is found, in which order."""

import pytest
from qdrant_client import QdrantClient, models

from tests.config.qdrant_points import DENSE, SPARSE, ids, only, point


def test_dense_search_scores_by_cosine(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 4)])
    found = qdrant.query_points(collection, query=[1.0, 0.0, 0.0, 0.5], using=DENSE, limit=2).points
    assert ids(found) == [1, 2]
    assert [hit.score for hit in found] == pytest.approx(
        [1.25 / (1.25**0.5 * 2.25**0.5), 1.25 / (1.25**0.5 * 5.25**0.5)], rel=1e-5
    )
    second = qdrant.query_points(
        collection,
        query=[1.0, 0.0, 0.0, 0.5],
        using=DENSE,
        limit=1,
        offset=1,
        with_payload=["number"],
    ).points
    assert (second[0].id, second[0].payload) == (2, {"number": 2})
    good = qdrant.query_points(
        collection, query=[1.0, 0.0, 0.0, 0.5], using=DENSE, score_threshold=found[0].score - 0.001
    ).points
    assert ids(good) == [1]


def test_sparse_search_weighs_rare_words_more(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 4)])
    query = models.SparseVector(indices=[1, 12], values=[1.0, 1.0])
    found = qdrant.query_points(collection, query=query, using=SPARSE).points
    # Index 1 is in all three of three points, index 12 in one; ln((N - n + 0.5) / (n + 0.5) + 1).
    common, rare = 0.13353139262452257, 0.9808292530117263
    assert found[0].id == 2
    assert found[0].score == pytest.approx(common + 2 * rare, rel=1e-5)
    assert sorted(ids(found[1:])) == [1, 3]
    assert [hit.score for hit in found[1:]] == pytest.approx([common, common], rel=1e-5)


def test_fusion_equals_reciprocal_ranks_added_by_hand(
    qdrant: QdrantClient, collection: str
) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 9)])
    dense_query = [0.2, 1.0, 0.3, 0.1]
    sparse_query = models.SparseVector(indices=[1, 12, 14, 17], values=[0.1, 0.9, 0.8, 0.7])
    lists = [
        qdrant.query_points(collection, query=dense_query, using=DENSE, limit=4).points,
        qdrant.query_points(collection, query=sparse_query, using=SPARSE, limit=4).points,
    ]
    expected: dict[object, float] = {}
    for found in lists:
        for rank, hit in enumerate(found):
            expected[hit.id] = expected.get(hit.id, 0.0) + 1.0 / (2 + rank)
    fused = qdrant.query_points(
        collection,
        prefetch=[
            models.Prefetch(query=dense_query, using=DENSE, limit=4),
            models.Prefetch(query=sparse_query, using=SPARSE, limit=4),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=20,
    ).points
    assert {hit.id: hit.score for hit in fused} == pytest.approx(expected)
    assert [hit.score for hit in fused] == sorted((hit.score for hit in fused), reverse=True)
    weighted = qdrant.query_points(
        collection,
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
    qdrant: QdrantClient, collection: str
) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 6)])
    fused = qdrant.query_points(
        collection,
        prefetch=[
            models.Prefetch(query=[1.0, 2.0, 0.0, 0.5], using=DENSE, limit=3),
            models.Prefetch(
                query=models.SparseVector(indices=[12], values=[1.0]), using=SPARSE, limit=3
            ),
        ],
        query=models.FusionQuery(fusion=models.Fusion.DBSF),
    ).points
    assert fused[0].id == 2


def test_several_queries_in_one_request(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 4)])
    request = models.QueryRequest(query=[1.0, 3.0, 0.0, 0.5], using=DENSE, limit=1)
    both = qdrant.query_batch_points(collection, [request, request])
    assert [ids(response.points) for response in both] == [[3], [3]]


def test_a_tenant_never_sees_another_tenants_points(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 201)])
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
        qdrant.query_points(
            collection, query=[1.0, 2.0, 0.0, 0.5], using=DENSE, limit=200, query_filter=mine
        ).points,
        qdrant.query_points(
            collection,
            query=models.SparseVector(indices=[1], values=[1.0]),
            using=SPARSE,
            limit=200,
            query_filter=mine,
        ).points,
        qdrant.query_points(
            collection,
            prefetch=fusions,
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            limit=200,
        ).points,
        qdrant.scroll(collection, scroll_filter=mine, limit=200)[0],
    ]
    odd = set(range(1, 200, 2))
    assert [set(ids(answer)) for answer in answers] == [odd] * 4
    assert qdrant.count(collection, count_filter=mine).count == 100
    assert (
        qdrant.query_points(
            collection, query=[1.0, 2.0, 0.0, 0.5], using=DENSE, query_filter=only("nobody")
        ).points
        == []
    )


def test_rare_words_can_be_counted_inside_one_tenant(qdrant: QdrantClient, collection: str) -> None:
    qdrant.upsert(collection, [point(number) for number in range(1, 4)])
    query = models.SparseVector(indices=[12], values=[1.0])
    mine = only("o0")
    (hit,) = qdrant.query_points(
        collection,
        query=query,
        using=SPARSE,
        query_filter=mine,
        search_params=models.SearchParams(idf=models.IdfCorpusParams(corpus=mine)),
    ).points
    # One point in the corpus, and it holds the word: ln((1 - 1 + 0.5) / (1 + 0.5) + 1).
    assert hit.score == pytest.approx(2 * 0.28768207245178085, rel=1e-5)
