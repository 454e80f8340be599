"""Lists with allowed filters, indexed orders and keyset pagination."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.cursors import MAX_LENGTH, CursorInvalid, decode_cursor, encode_cursor
from crm.core.api.etags import etag_headers
from crm.core.api.fields import members_of, sparse
from crm.core.api.queries import RecordQuery
from crm.core.fields import WholeNumberField
from crm.core.versions import VersionedModel

M = TypeVar("M", bound=Model)
DEFAULT_LIMIT = 50
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """A page of a list; ``next_cursor`` is None on the last one."""

    rows: list[M]
    next_cursor: str | None


def ordering_field(default: str, *others: str) -> serializers.ChoiceField:
    """Return the field of a list's orders: column names, with ``-`` for descending."""
    return serializers.ChoiceField(
        choices=[default, *others],
        default=default,
        help_text=f"By which column, `-` for the largest first. Default: `{default}`.",
    )


class ListQuery(RecordQuery):
    """The query parameters of a list.

    A subclass declares ``ordering`` with ``ordering_field`` and its filters as fields. A filter is
    applied through ``lookups`` or a method ``filter_<name>(queryset, value)``, so that no column
    name or operator of a client reaches the database.
    """

    name: ClassVar[str]
    lookups: ClassVar[Mapping[str, str]] = {}

    limit = WholeNumberField(
        min_value=1,
        max_value=MAX_LIMIT,
        default=DEFAULT_LIMIT,
        help_text=f"Records of a page, at most {MAX_LIMIT}.",
    )
    cursor = serializers.CharField(
        required=False,
        max_length=MAX_LENGTH,
        help_text="`next_cursor` of the page before; absent for the first page.",
    )

    def page(self, queryset: QuerySet[M]) -> Page[M]:
        """Return the requested page of ``queryset``, which holds only the rows that the caller may
        see.
        """
        ordering: str = self["ordering"]
        sign, name = ("-", ordering[1:]) if ordering.startswith("-") else ("", ordering)
        return keyset_page(
            self.narrowed(queryset),
            ordering=f"{sign}{self.column_of(name)}",
            scope=f"{self.name}:{ordering}",
            cursor=self["cursor"],
            limit=self["limit"],
        )

    def narrowed(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """Return the rows that the filters select."""
        for name, value in self.validated_data.items():
            if lookup := self.lookups.get(name):
                queryset = queryset.filter(**{lookup: value})
            elif method := getattr(self, f"filter_{name}", None):
                queryset = method(queryset, value)
        return queryset

    def column_of(self, name: str) -> str:
        """Return the column that an order is by."""
        return name


def keyset_page(
    queryset: QuerySet[M], *, ordering: str, scope: str, cursor: str | None, limit: int
) -> Page[M]:
    """Return the rows behind ``cursor`` in the order of a column, at most ``limit``.

    ``ordering`` is a column that is never NULL, with ``-`` for descending. Raise CursorInvalid for
    a cursor that is not of this ``scope``.
    """
    sign, column = ("-", ordering[1:]) if ordering.startswith("-") else ("", ordering)
    if cursor:
        queryset = queryset.filter(_behind(sign, column, decode_cursor(scope, cursor)))
    rows = list(queryset.order_by(f"{sign}{column}", f"{sign}pk")[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], encode_cursor(scope, [getattr(last, column), last.pk]))


def _behind(sign: str, column: str, place: list[Any]) -> Q:
    if len(place) != 2:
        raise CursorInvalid
    value, pk = place
    way = "lt" if sign else "gt"
    # One range and a tie-break, so that the index is entered at the right place.
    return Q(**{f"{column}__{way}e": value}) & ~Q(
        **{column: value, f"pk__{'gte' if sign else 'lte'}": pk}
    )


def list_response(
    request: Request,
    query_class: type[ListQuery],
    queryset: QuerySet[M],
    serializer_class: type[serializers.Serializer[Any]],
) -> Response:
    """Return the page of ``queryset`` that the request's parameters select, serialized.

    Raise InvalidField for parameters that ``query_class`` does not accept.
    """
    query = query_class.read(request)
    return page_response(
        request,
        query,
        query.page(queryset),
        lambda rows: serializer_class(rows, many=True).data,
        serializer_class,
    )


def page_response(
    request: Request,
    query: ListQuery,
    page: Page[M],
    serialize: Callable[[list[M]], Iterable[Mapping[str, Any]]],
    allowed: type[serializers.Serializer[Any]],
) -> Response:
    """Return a page as a response.

    ``serialize`` maps the page's rows to records; ``allowed`` declares the members that ``fields``
    may select. The ``Link`` header holds the URL of the next page where there is one.
    """
    members = members_of(query["fields"], allowed().fields)
    results = [sparse(record, members) for record in serialize(page.rows)]
    headers = {}
    if page.next_cursor:
        parameters = request.query_params.copy()
        parameters["cursor"] = page.next_cursor
        address = request.build_absolute_uri(f"?{parameters.urlencode()}")
        headers["Link"] = f'<{address}>; rel="next"'
    return Response({"results": results, "next_cursor": page.next_cursor}, headers=headers)


def page_of(
    record: type[serializers.Serializer[Any]],
    name: str | None = None,
    **more: serializers.Field[Any, Any, Any, Any],
) -> serializers.Serializer[Any]:
    """Describe a page of these records, for the schema; ``more`` are further members."""
    return inline_serializer(
        name=name or f"{record.__name__.removesuffix('Serializer')}Page",
        fields={
            "results": record(many=True),
            "next_cursor": serializers.CharField(allow_null=True),
            **more,
        },
    )


def record_response(
    request: Request, record: Mapping[str, Any], *, of: VersionedModel | None = None
) -> Response:
    """Return one record as a response, reduced to the members that ``fields`` names.

    ``of`` is the row whose version becomes the ETag.
    """
    query = RecordQuery.read(request)
    return Response(
        sparse(record, members_of(query["fields"], record)),
        headers=etag_headers(of) if of is not None else None,
    )


def created_response(record: Mapping[str, Any], *, of: VersionedModel, location: str) -> Response:
    """Return 201 with the record, the ETag of the row ``of`` and its ``Location``."""
    return Response(record, status=201, headers={"Location": location, **etag_headers(of)})
