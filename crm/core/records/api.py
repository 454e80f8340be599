"""Lists of records over HTTP: the filter language, every sortable column, and a total."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api.lists import ListQuery, ordering_field, page_response
from crm.core.permissions import Principal
from crm.core.records.conditions import MAX_LENGTH, parse_text
from crm.core.records.lists import MAX_COUNTED, ListState, count_capped, found_first
from crm.core.records.record import Record
from crm.core.records.saved_views import find_view
from crm.core.text.folding import MAX_SEARCH_LENGTH


class TotalSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    is_capped = serializers.BooleanField()


def orders_of(record: Record) -> serializers.ChoiceField:
    """Return the field of the orders of a record: each sortable column, both ways."""
    names = [field.name for field in record.fields if field.is_sortable]
    return ordering_field(
        record.order,
        *(each for name in names for each in (name, f"-{name}") if each != record.order),
    )


class RecordListQuery(ListQuery):
    """The query parameters of a record's list.

    A subclass sets ``record`` and ``ordering = orders_of(record)``, and may declare short filters
    beside ``where``.
    """

    record: ClassVar[Record]

    search = serializers.CharField(
        max_length=MAX_SEARCH_LENGTH,
        required=False,
        help_text="Words, or their beginnings, without case and accents.",
    )
    where = serializers.CharField(
        max_length=MAX_LENGTH,
        required=False,
        help_text=(
            'A filter as JSON: `{"all": [{"field": "email", "op": "filled"}]}`; see the guide.'
        ),
    )
    view = serializers.CharField(
        max_length=40,
        required=False,
        help_text=(
            "The `key` of a view: its filter narrows the list; its search and its order are those "
            "of the list unless others are sent."
        ),
    )
    total = serializers.BooleanField(
        default=False,
        help_text=f"`true` counts the records: `total`, exact up to {MAX_COUNTED}.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "view" not in attrs:
            return attrs
        state = find_view(self.context["reader"], self.record, attrs["view"]).state
        attrs |= {"view": state}
        if "ordering" not in self.initial_data:
            attrs["ordering"] = state.effective_sort
        if state.search:
            attrs.setdefault("search", state.search)
        return attrs

    def filter_view(self, queryset: QuerySet[Any], state: ListState) -> QuerySet[Any]:
        return queryset.filter(state.where.q(self.context["reader"]))

    def filter_where(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(parse_text(self.record, text).q(self.context["reader"]))

    def filter_search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return self.record.search(queryset, text)

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = super().narrowed(queryset)
        return found_first(found, within=queryset) if self["search"] else found

    def column_of(self, name: str) -> str:
        field = self.record.field(name)
        return field.orders_by if field else name


def record_list_response(
    request: Request,
    query_class: type[RecordListQuery],
    reader: Principal,
    serializer_class: type[serializers.Serializer[Any]],
) -> Response:
    """Return the page of a record's list that the parameters select. Raise InvalidField."""
    query = query_class.read(request, reader=reader)
    visible = query.record.visible_to(reader)
    response = page_response(
        request,
        query,
        query.page(visible),
        lambda rows: serializer_class(rows, many=True).data,
        serializer_class,
    )
    if query["total"]:
        total = count_capped(query.narrowed(visible))
        response.data["total"] = {"count": total.count, "is_capped": total.is_capped}
    return response
