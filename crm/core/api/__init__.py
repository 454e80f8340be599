"""Shared parts of `/api/v1/`: pages, filters, sparse fields, bodies, the schema."""

from crm.core.api.body_limit import Body
from crm.core.api.etags import etag_headers, expected_version
from crm.core.api.lists import (
    ListQuery,
    Page,
    created_response,
    list_response,
    ordering_field,
    page_of,
    page_response,
    record_response,
)
from crm.core.api.queries import Query, RecordQuery
from crm.core.api.schema import example, refuses
from crm.core.api.text import prose_field

__all__ = [
    "Body",
    "ListQuery",
    "Page",
    "Query",
    "RecordQuery",
    "created_response",
    "etag_headers",
    "example",
    "expected_version",
    "list_response",
    "ordering_field",
    "page_of",
    "page_response",
    "prose_field",
    "record_response",
    "refuses",
]
