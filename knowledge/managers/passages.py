"""Storage and search of passages in Qdrant."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from django.conf import settings

from crm.core import stores
from crm.core.lazy_modules import LazyModule
from crm.core.observability.logging import record_store_use
from knowledge.embedding import DIMENSIONS, MODEL
from knowledge.errors import IndexOutdated, KnowledgeUnavailable, OrganizationMissing

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client import models as qdrant
    from qdrant_client.http import exceptions as qdrant_exceptions

    from knowledge.models import Passage, PassageHit
else:
    # Half a second and 54 MB, which only whoever searches or indexes needs.
    qdrant = LazyModule("qdrant_client.models")
    qdrant_exceptions = LazyModule("qdrant_client.http.exceptions")

MEANING, WORDS = "meaning", "words"
WRITE_BATCH = 128
TRUST_SECONDS = 30.0


@contextmanager
def qdrant_refusals() -> Iterator[None]:
    """Raise KnowledgeUnavailable, which may be retried, for errors of Qdrant."""
    try:
        yield
    except (
        qdrant_exceptions.ApiException,
        qdrant_exceptions.ResponseHandlingException,
        OSError,
    ) as error:
        raise KnowledgeUnavailable from error


class PassageManager:
    """The only code that accesses Qdrant; every call is limited to one organization.

    The application uses an alias. It points to a collection with the embedding model in its name,
    so that a new model is indexed beside the old one and replaces it in one step.
    """

    def __init__(self) -> None:
        self._current_until = 0.0

    def __set_name__(self, owner: type["Passage"], name: str) -> None:
        self.model = owner

    @property
    def client(self) -> "QdrantClient":
        record_store_use("qdrant")
        return stores.qdrant()

    @property
    def alias(self) -> str:
        return f"{settings.QDRANT_PREFIX}knowledge_base"

    # --- finding ---------------------------------------------------------------------------------

    def nearest(
        self,
        *,
        organization_id: UUID | None,
        meaning: Sequence[float],
        words: tuple[list[int], list[float]],
        limit: int = 40,
    ) -> list["PassageHit"]:
        """Return the passages nearest in meaning and those with the most significant words in
        common.

        One round trip runs both searches; the score is None in the search that did not find a
        passage. Raise OrganizationMissing, IndexOutdated and KnowledgeUnavailable.
        """
        only = self._of(organization_id)
        halves: list[qdrant.QueryRequest] = [
            qdrant.QueryRequest(
                query=list(meaning), using=MEANING, filter=only, limit=limit, with_payload=True
            )
        ]
        if words[0]:
            halves.append(
                qdrant.QueryRequest(
                    query=qdrant.SparseVector(indices=words[0], values=words[1]),
                    using=WORDS,
                    filter=only,
                    # How rare a word is among one's own passages: another organization's must not
                    # move an answer here.
                    params=qdrant.SearchParams(idf=qdrant.IdfCorpusParams(corpus=only)),
                    limit=limit,
                    with_payload=True,
                )
            )
        if not self._is_current():
            return []
        with qdrant_refusals():
            try:
                answers = self.client.query_batch_points(self.alias, requests=halves)
            except qdrant_exceptions.UnexpectedResponse as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
                # The index is gone, or being made anew: nothing is found until it is back.
                self.invalidate_collection()
                return []
        return self._merged([answer.points for answer in answers])

    def _merged(self, halves: list[list["qdrant.ScoredPoint"]]) -> list["PassageHit"]:
        hits: dict[Any, PassageHit] = {}
        for number, points in enumerate(halves):
            for point in points:
                hit = hits.get(point.id)
                if hit is None:
                    hit = hits[point.id] = self.model.hit_from(point.payload or {})
                if number == 0:
                    hit.meaning = point.score
                else:
                    hit.words = point.score
        return list(hits.values())

    @staticmethod
    def _of(organization_id: UUID | None) -> "qdrant.Filter":
        if organization_id is None:
            raise OrganizationMissing
        return qdrant.Filter(
            must=[
                qdrant.FieldCondition(
                    key="organization", match=qdrant.MatchValue(value=str(organization_id))
                )
            ]
        )

    # --- storing ---------------------------------------------------------------------------------

    def put(self, passages: Iterable["Passage"], *, collection: str | None = None) -> None:
        """Upsert passages durably; idempotent."""
        points = [passage.to_point() for passage in passages]
        into = collection or self.live_collection()
        with qdrant_refusals():
            for start in range(0, len(points), WRITE_BATCH):
                self.client.upsert(into, points=points[start : start + WRITE_BATCH], wait=True)

    def delete_of_source(
        self,
        *,
        organization_id: UUID,
        source_id: UUID,
        except_version: int | None = None,
        collection: str | None = None,
    ) -> None:
        """Delete a source's passages of every version except this one."""
        only = self._of(organization_id)
        only.must.append(  # type: ignore[union-attr]  # a list, made above
            qdrant.FieldCondition(key="source_id", match=qdrant.MatchValue(value=str(source_id)))
        )
        if except_version is not None:
            only.must_not = [
                qdrant.FieldCondition(key="version", match=qdrant.MatchValue(value=except_version))
            ]
        into = collection or self.live_collection()
        with qdrant_refusals():
            self.client.delete(into, points_selector=qdrant.FilterSelector(filter=only), wait=True)

    def existing_ids(self, ids: Sequence[UUID], *, collection: str) -> set[UUID]:
        """Return which of these points are stored."""
        with qdrant_refusals():
            found = self.client.retrieve(
                collection, ids=[str(one) for one in ids], with_payload=False, with_vectors=False
            )
        return {UUID(str(record.id)) for record in found}

    def count(self, *, organization_id: UUID) -> int:
        if self.aliased() is None:
            return 0
        with qdrant_refusals():
            return self.client.count(
                self.alias, count_filter=self._of(organization_id), exact=True
            ).count

    # --- collections -----------------------------------------------------------------------------

    def aliased(self) -> str | None:
        """Return the name of the collection behind the alias; None before the first one."""
        with qdrant_refusals():
            aliases = self.client.get_aliases().aliases
        return next((one.collection_name for one in aliases if one.alias_name == self.alias), None)

    def live_collection(self) -> str:
        """Return the collection to write to, created on first use.

        Raise IndexOutdated while the live one belongs to another model.
        """
        name = self.aliased()
        if name is None:
            name = self.collection_name(1)
            self.create_collection(name)
            self.switch_to(name)
        elif not self.is_of_this_model(name):
            raise IndexOutdated
        return name

    def _is_current(self) -> bool:
        """Return whether there is a collection to search; the result is cached for
        TRUST_SECONDS.
        """
        if time.monotonic() < self._current_until:
            return True
        name = self.aliased()
        if name is None:
            return False
        if not self.is_of_this_model(name):
            raise IndexOutdated
        self._current_until = time.monotonic() + TRUST_SECONDS
        return True

    def invalidate_collection(self) -> None:
        """Clear the cached result of `_is_current`."""
        self._current_until = 0.0

    def collection_name(self, number: int) -> str:
        return f"{self.alias}__{MODEL}__{number}"

    def is_of_this_model(self, collection: str) -> bool:
        return collection.startswith(f"{self.alias}__{MODEL}__")

    def collections(self) -> list[str]:
        """Return every collection of passages, of any model."""
        with qdrant_refusals():
            names = [one.name for one in self.client.get_collections().collections]
        return sorted(name for name in names if name.startswith(f"{self.alias}__"))

    def create_collection(self, name: str) -> None:
        """Create a collection with its indexes; idempotent."""
        with qdrant_refusals():
            if not self.client.collection_exists(name):
                self._create(name)
            # A tenant's passages lie together on disk, and a search never leaves them.
            self.client.create_payload_index(
                name,
                "organization",
                field_schema=qdrant.KeywordIndexParams(
                    type=qdrant.KeywordIndexType.KEYWORD, is_tenant=True
                ),
            )
            for field in ("source_id", "language"):
                self.client.create_payload_index(
                    name, field, field_schema=qdrant.PayloadSchemaType.KEYWORD
                )

    def _create(self, name: str) -> None:
        try:
            self.client.create_collection(
                name,
                vectors_config={
                    MEANING: qdrant.VectorParams(size=DIMENSIONS, distance=qdrant.Distance.COSINE)
                },
                sparse_vectors_config={
                    WORDS: qdrant.SparseVectorParams(modifier=qdrant.Modifier.IDF)
                },
            )
        except qdrant_exceptions.ApiException:
            # Two processes may come here at once; the other one's collection is the same.
            if not self.client.collection_exists(name):
                raise

    def switch_to(self, collection: str) -> None:
        """Point the alias to this collection, atomically."""
        operations: list[qdrant.AliasOperations] = []
        if self.aliased() is not None:
            operations.append(
                qdrant.DeleteAliasOperation(delete_alias=qdrant.DeleteAlias(alias_name=self.alias))
            )
        operations.append(
            qdrant.CreateAliasOperation(
                create_alias=qdrant.CreateAlias(collection_name=collection, alias_name=self.alias)
            )
        )
        with qdrant_refusals():
            self.client.update_collection_aliases(change_aliases_operations=operations)

    def drop(self, collection: str) -> None:
        self.invalidate_collection()
        with qdrant_refusals():
            self.client.delete_collection(collection)


def point_id(*, organization_id: UUID, source_id: UUID, version: int, chunk: int) -> UUID:
    """Return the deterministic id of a passage, so that indexing again overwrites it."""
    return uuid5(organization_id, f"faq:{source_id}:{version}:{chunk}")
