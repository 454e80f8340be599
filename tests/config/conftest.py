"""Engines of their own for the tests of the embedded engines."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models

from config import engines
from crm.core.stores import qdrant_headers
from tests.config.engine_sets import own_engines, own_folder
from tests.config.qdrant_points import DENSE, SPARSE


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with own_folder(monkeypatch) as folder:
        yield folder


@pytest.fixture
def folder_on_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a folder whose files may have holes: in memory, reading a hole fills it."""
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    with own_folder(monkeypatch) as folder:
        yield folder


@pytest.fixture(scope="module")
def qdrant_url() -> Iterator[str]:
    with own_engines(["qdrant"]) as urls:
        yield urls.qdrant


@pytest.fixture(scope="module")
def qdrant(qdrant_url: str) -> Iterator[QdrantClient]:
    headers = qdrant_headers(engines.qdrant_api_key())
    client = QdrantClient(url=qdrant_url, headers=headers, timeout=60)
    yield client
    client.close()


@pytest.fixture
def collection(qdrant: QdrantClient) -> str:
    """Name a collection with a dense and a sparse vector, and an index on the tenant."""
    name = f"c-{uuid.uuid4().hex}"
    qdrant.create_collection(
        name,
        vectors_config={DENSE: models.VectorParams(size=4, distance=models.Distance.COSINE)},
        sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
    )
    qdrant.create_payload_index(
        name,
        "organization",
        models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    )
    return name
