"""Points and filters for the tests of the embedded Qdrant."""

from typing import Any

from qdrant_client import models

DENSE, SPARSE = "dense", "sparse"


DENSE, SPARSE = "dense", "sparse"


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
