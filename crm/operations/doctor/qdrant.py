"""Qdrant: version, a point written and found again, and aliases."""

import uuid

import httpx
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from crm.core.stores import qdrant_headers
from crm.operations.doctor.diagnosis import (
    SECONDS,
    CheckFailed,
    Diagnosis,
    examined,
    place,
    unreachable,
    wrong_url,
)

_STORE = "qdrant"
_MIN_VERSION = (1, 11)


def examine_qdrant(url: str, api_key: str) -> Diagnosis:
    return examined(_STORE, url, lambda diagnosis: _look(diagnosis, url, api_key))


def _look(diagnosis: Diagnosis, url: str, api_key: str) -> None:
    diagnosis.server = "Qdrant"
    if not url.startswith(("http://", "https://")):
        raise wrong_url(_STORE)
    _describe(url, api_key, diagnosis)
    client = QdrantClient(
        url=url,
        headers=qdrant_headers(api_key),
        timeout=SECONDS,
        prefer_grpc=False,
        check_compatibility=False,
    )
    try:
        _write_and_find(client)
        diagnosis.written = True
        diagnosis.has.append("aliases")
    except UnexpectedResponse as reason:
        raise _refused(url, reason.status_code or 0) from reason
    except ResponseHandlingException as reason:
        raise unreachable(_STORE, url, str(reason)) from reason
    finally:
        client.close()


def _describe(url: str, api_key: str, diagnosis: Diagnosis) -> None:
    try:
        answer = httpx.get(url, headers=qdrant_headers(api_key), timeout=SECONDS)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as reason:
        raise wrong_url(_STORE) from reason
    except httpx.TimeoutException as reason:
        raise unreachable(_STORE, url, "timed out") from reason
    except httpx.HTTPError as reason:
        raise unreachable(_STORE, url, str(reason)) from reason
    if answer.status_code in (401, 403):
        raise _refused(url, answer.status_code)
    try:
        about = answer.json()
        version = about["version"]
        is_qdrant = "qdrant" in about["title"]
    except (ValueError, KeyError, TypeError) as reason:
        raise unreachable(_STORE, url, "") from reason
    if not is_qdrant:
        raise unreachable(_STORE, url, "")
    diagnosis.reachable = True
    diagnosis.version = version
    if "embedded" in about:
        diagnosis.server = f"Qdrant ({about['embedded']})"
    if tuple(int(part) for part in version.split(".")[:2]) < _MIN_VERSION:
        raise CheckFailed(
            f"Qdrant {version} is too old.",
            f"Upgrade it to version {'.'.join(map(str, _MIN_VERSION))} or later.",
        )
    diagnosis.has.append("version 1.11 or later")


def _write_and_find(client: QdrantClient) -> None:
    name = f"doctor-{uuid.uuid4().hex}"
    alias = f"{name}-alias"
    client.create_collection(
        name, vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE)
    )
    try:
        client.update_collection_aliases(
            [
                models.CreateAliasOperation(
                    create_alias=models.CreateAlias(collection_name=name, alias_name=alias)
                )
            ]
        )
        client.upsert(
            alias,
            [models.PointStruct(id=1, vector=[1.0, 0.0], payload={"word": "written"})],
            wait=True,
        )
        found = client.query_points(alias, query=[1.0, 0.0], limit=1).points
    finally:
        client.delete_collection(name)
    if [hit.payload for hit in found] != [{"word": "written"}]:
        raise CheckFailed("Qdrant did not find what was written.", "Look at its log.")


def _refused(url: str, status: int) -> CheckFailed:
    if status in (401, 403):
        return CheckFailed(
            f"Qdrant at {place(url)} does not accept this key, or not for writing.",
            "Correct QDRANT_API_KEY.",
        )
    if status == 507:
        return CheckFailed("The disk of Qdrant is full.", "Free some space there.")
    return CheckFailed(f"Qdrant refused to work (status {status}).", "Look at its log.")
