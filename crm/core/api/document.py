"""The OpenAPI document as it is served: built once per process and language."""

import hashlib
from dataclasses import dataclass
from threading import Lock

from django.utils import translation
from django.utils.http import quote_etag
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

_documents: dict[str, "Document"] = {}
# The generator keeps state of its own outside of itself; and nobody gains by building it twice.
_building = Lock()


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON in UTF-8, and its quoted ETag."""

    body: bytes
    etag: str


def document_in(language: str) -> Document:
    """Return the OpenAPI document with the labels of its choices in a language of ``LANGUAGES``.

    Building it takes up to seconds; concurrent callers wait for the same build.
    """
    if found := _documents.get(language):
        return found
    with _building:
        if language not in _documents:
            _documents[language] = _built(language)
    return _documents[language]


def forget_documents() -> None:
    """Clear the cached documents; the next request builds them again."""
    _documents.clear()


def _built(language: str) -> Document:
    with translation.override(language):
        described = SchemaGenerator().get_schema(public=True)
        body: bytes = OpenApiJsonRenderer().render(described)
    return Document(body, quote_etag(hashlib.sha256(body).hexdigest()))
