"""What every part of `/api/v1/` shares: pages, filters, sparse fields, the schema."""

from config.rest.cursors import CursorInvalid
from config.rest.fields import sparse
from config.rest.lists import ListQuery, Page, ordering_field, page_of, page_response
from config.rest.queries import Query, RepeatedParameter, UnknownParameter

__all__ = [
    "CursorInvalid",
    "ListQuery",
    "Page",
    "Query",
    "RepeatedParameter",
    "UnknownParameter",
    "ordering_field",
    "page_of",
    "page_response",
    "sparse",
]
