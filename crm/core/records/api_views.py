"""The API of a record: its list, one record, and actions on many.

What a record declares is enough; where members differ from its columns, an app gives classes of its
own to `record_api_urls`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.urls import URLPattern, reverse
from django.urls import path as url_path
from django.utils.translation import override
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    page_of,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.api.schema import describe_operations
from crm.core.errors import InvalidField
from crm.core.jobs.api import JobSerializer
from crm.core.records import ChoiceField, RelationField
from crm.core.records.api import (
    RecordListQuery,
    TotalSerializer,
    orders_of,
    record_list_response,
)
from crm.core.records.boards import board_field, move_card
from crm.core.records.bulk_api import BulkBody, BulkResultSerializer, RecordBulk, chosen_members
from crm.core.records.record import Record
from crm.core.records.serializers import made_serializer, register_serializer
from crm.core.records.timeline_api import timeline_api_urls
from crm.core.records.views_api import views_api_urls

_EXAMPLE_ID = "01a22f13-073c-73d5-b5ef-0f9be5bfafc7"


class _RecordView(ModuleView):
    record: ClassVar[Record]
    serializer: ClassVar[type[serializers.Serializer[Any]]]
    body: ClassVar[type[Body]]
    query: ClassVar[type[RecordListQuery]]
    detail_name: ClassVar[str]

    def data_of(self, row: Any) -> Any:
        """Return what the API says of a row that a service returned."""
        self.record.load_relations(self.principal, [row])
        return self.serializer(row).data


class RecordList(_RecordView):
    @refuses(404)
    def get(self, request: Request) -> Response:
        return record_list_response(request, self.query, self.principal, self.serializer)

    @idempotent
    @refuses(404, 409)
    def post(self, request: Request) -> Response:
        row = self.record.create(by=self.principal, **self.body.read(request))
        location = reverse(self.detail_name, args=[row.pk])
        return created_response(self.data_of(row), of=row, location=location)


class RecordDetail(_RecordView):
    is_versioned = True

    def get(self, request: Request, **ids: UUID) -> Response:
        (pk,) = ids.values()
        row: Any = self.record.visible_to(self.principal).filter(pk=pk).first()
        if row is None:
            raise self.record.not_found
        return record_response(request, self.serializer(row).data, of=row)

    @refuses(409)
    def patch(self, request: Request, **ids: UUID) -> Response:
        (pk,) = ids.values()
        values = self.body.read(request, partial=True)
        self._respect_hidden(pk, values)
        version = expected_version(request)
        row = self.record.update(by=self.principal, pk=pk, version=version, **values)
        return Response(self.data_of(row), headers=etag_headers(row))

    def _respect_hidden(self, pk: UUID, values: dict[str, Any]) -> None:
        """Leave related rows that the caller does not see as they are: for them the API says null,
        and whoever writes back what was read means no change. Raise InvalidField for the id of one,
        which would confirm a guess.
        """
        fields = [each for each in self.record.fields if each.name in values]
        relations = [each for each in fields if isinstance(each, RelationField)]
        row: Any = (
            self.record.visible_to(self.principal).filter(pk=pk).first() if relations else None
        )
        for field in relations if row is not None else ():
            if not field.is_hidden_in(row):
                continue
            if values[field.name] == getattr(row, field.name):
                raise InvalidField(extra={"field": field.name})
            if values[field.name] is None:
                del values[field.name]


class DeletableRecordDetail(RecordDetail):
    def delete(self, request: Request, **ids: UUID) -> Response:
        assert self.record.delete is not None  # noqa: S101  as `record_api_urls` saw
        (pk,) = ids.values()
        self.record.delete(by=self.principal, pk=pk, version=expected_version(request))
        return Response(status=204)


class MoveBody(Body):
    column = serializers.CharField(
        max_length=64, help_text="The key of a column: of a choice, or the id of a row."
    )
    after = serializers.UUIDField(
        required=False, allow_null=True, help_text="The card above it; without it, the top."
    )


class RecordMove(_RecordView):
    is_versioned = True

    @refuses(409)
    def post(self, request: Request, **ids: UUID) -> Response:
        (pk,) = ids.values()
        given = MoveBody.read(request)
        moved = move_card(
            by=self.principal,
            record=self.record,
            pk=pk,
            column=given["column"],
            after=given.get("after"),
            version=expected_version(request),
        )
        return Response(self.data_of(moved.row), headers=etag_headers(moved.row))


def record_api_urls(
    record: Record,
    *,
    path: str,
    names: tuple[str, str],
    create_example: Mapping[str, Any],
    update_example: Mapping[str, Any],
    serializer: type[serializers.Serializer[Any]] | None = None,
    body: type[Body] | None = None,
    query: type[RecordListQuery] | None = None,
    tag: str = "",
) -> list[URLPattern]:
    """Return the paths of a record's API; ``names`` are those of its list and of one record."""
    name, slug = record.model.__name__, record.slug
    serializer = serializer or made_serializer(record)
    register_serializer(record, serializer)
    body = body or _body_of(record)
    query = query or _made(
        RecordListQuery, f"{name}ListQuery", record=record, name=slug, ordering=orders_of(record)
    )
    bulk_body = _made(
        BulkBody,
        f"{name}BulkBody",
        action=serializers.ChoiceField(choices=[each.key for each in record.bulk_actions]),
        **chosen_members(record, body),
    )
    shared = {
        "record": record,
        "area": record.area,
        "serializer": serializer,
        "body": body,
        "query": query,
        "bulk_body": bulk_body,
        "detail_name": f"{record.namespace or slug}:{names[1]}",
    }
    details = DeletableRecordDetail if record.delete else RecordDetail
    views = {
        "list": _made(RecordList, f"{name}List", **shared),
        "detail": _made(details, f"{name}Detail", **shared),
        "bulk": _made(RecordBulk, f"{name}Bulk", **shared),
        "move": _made(RecordMove, f"{name}Move", **shared),
    }
    described = _operations(record, shared, create_example, update_example)
    describe_operations(views, described, tag=tag or slug, prefix=slug)
    one_path = f"{path}/<uuid:{record.model._meta.model_name}_id>"
    found = [
        url_path(path, views["list"].as_view(), name=names[0]),
        url_path(one_path, views["detail"].as_view(), name=names[1]),
    ]
    if record.bulk_actions:
        found.append(url_path(f"{path}/bulk", views["bulk"].as_view(), name=f"{names[0]}_bulk"))
    if record.board:
        found.append(url_path(f"{one_path}/move", views["move"].as_view(), name=f"{names[1]}_move"))
    found += views_api_urls(record, path=path, name=names[0], tag=tag or slug)
    if record.has_timeline:
        found += timeline_api_urls(record, path=one_path, name=names[1], tag=tag or slug)
    return found


def _operations(
    record: Record,
    shared: Mapping[str, Any],
    create_example: Mapping[str, Any],
    update_example: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return the options of `extend_schema`, by "<view> <HTTP method> <operation>".

    ``shared`` are the class attributes of the record's views.
    """
    with override("en"):
        one = str(record.model._meta.verbose_name)
        many = str(record.model._meta.verbose_name_plural)
    described: dict[str, dict[str, Any]] = {
        "list get list": {
            "description": f"List the {many} that you may see.",
            "parameters": [shared["query"]],
            "responses": page_of(shared["serializer"], total=TotalSerializer(required=False)),
        },
        "list post create": {
            "description": f"Add a {one}.",
            "request": shared["body"],
            "responses": {201: shared["serializer"]},
            "examples": example(create_example),
        },
        "detail get get": {
            "description": f"Return one {one}.",
            "parameters": [RecordQuery],
            "responses": shared["serializer"],
        },
        "detail patch update": {
            "description": "Change the members that are sent.",
            "request": shared["body"],
            "responses": shared["serializer"],
            "examples": example(update_example),
        },
        "bulk post bulk": {
            "description": (
                f"Do the same to many {many}; what you may not change is left out.\n\n"
                f"Those of `ids` are changed at once, which is answered with 200. All that `where` "
                "and `search` find are changed by a background task, which is answered with 202; "
                "`POST /api/v1/jobs/{id}/undo` undoes it."
            ),
            "request": shared["bulk_body"],
            "responses": {200: BulkResultSerializer, 202: JobSerializer},
        },
    }
    if record.delete:
        described["detail delete delete"] = {
            "description": f"Delete a {one}.",
            "request": None,
            "responses": {204: None},
        }
    if record.board:
        field = board_field(record)
        column = field.choices()[0][0] if isinstance(field, ChoiceField) else _EXAMPLE_ID
        described["move post move"] = {
            "description": f"Move a {one} on the board.",
            "request": MoveBody,
            "responses": shared["serializer"],
            "examples": example({"column": column}),
        }
    return described


def _made(base: type[Any], class_name: str, /, **members: Any) -> Any:
    return type(class_name, (base,), members)


def _body_of(record: Record) -> type[Body]:
    columns = [field for name in record.form if (field := record.field(name))]
    # Whatever language the first request is in, the document names choices the same.
    with override("en"):
        members = {each.name: each.api_field(is_body=True) for each in columns}
    made: type[Body] = _made(Body, f"{record.model.__name__}Body", **members)
    return made
