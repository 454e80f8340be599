"""What every part of `/api/v1/` shares: pages, filters, sparse fields, bodies, the schema."""

from config.rest.bodies import Body
from config.rest.etags import etag_headers, expected_version
from config.rest.lists import (
    ListQuery,
    Page,
    ordering_field,
    page_of,
    page_response,
    record_response,
)
from config.rest.queries import Query, RecordQuery
from config.rest.schema import example, refuses
from config.rest.text import prose_field

__all__ = [
    "Body",
    "ListQuery",
    "Page",
    "Query",
    "RecordQuery",
    "etag_headers",
    "example",
    "expected_version",
    "ordering_field",
    "page_of",
    "page_response",
    "prose_field",
    "record_response",
    "refuses",
]
