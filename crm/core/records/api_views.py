"""The API of a record: its list, one record, and actions on many.

What a record declares is enough; where members differ from its columns, an app gives classes of its
own to `record_api_urls`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.urls import URLPattern, reverse
from django.urls import path as url_path
from django.utils.translation import gettext, override
from drf_spectacular.utils import extend_schema, extend_schema_view
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
from crm.core.errors import InvalidField
from crm.core.records.api import (
    RecordListQuery,
    TotalSerializer,
    orders_of,
    record_list_response,
)
from crm.core.records.bulk import MOST_ROWS, ChosenRow, checked, choose, run_bulk
from crm.core.records.conditions import MAX_LENGTH, parse_text
from crm.core.records.record import Record


class _RecordView(ModuleView):
    record: ClassVar[Record]
    serializer: ClassVar[type[serializers.Serializer[Any]]]
    body: ClassVar[type[Body]]
    query: ClassVar[type[RecordListQuery]]
    bulk_body: ClassVar[type[Body]]
    detail_name: ClassVar[str]


class RecordList(_RecordView):
    def get(self, request: Request) -> Response:
        return record_list_response(request, self.query, self.principal, self.serializer)

    @idempotent
    @refuses(404, 409)
    def post(self, request: Request) -> Response:
        row = self.record.create(by=self.principal, **self.body.read(request))
        location = reverse(self.detail_name, args=[row.pk])
        return created_response(self.serializer(row).data, of=row, location=location)


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
        version = expected_version(request)
        row = self.record.update(by=self.principal, pk=pk, version=version, **values)
        return Response(self.serializer(row).data, headers=etag_headers(row))


class DeletableRecordDetail(RecordDetail):
    def delete(self, request: Request, **ids: UUID) -> Response:
        assert self.record.delete is not None  # noqa: S101  as `record_api_urls` saw
        (pk,) = ids.values()
        self.record.delete(by=self.principal, pk=pk, version=expected_version(request))
        return Response(status=204)


class LeftOutSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    code = serializers.CharField(source="error.code")
    detail = serializers.CharField(source="error.message")


class BulkResultSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    same = serializers.IntegerField(help_text="Records that were so already.")
    left_out = LeftOutSerializer(many=True)


class BulkBody(Body):
    """A subclass has ``action``, and a member for each field whose value an action stores."""

    ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MOST_ROWS,
        required=False,
        help_text="The records; or `where` instead.",
    )
    where = serializers.CharField(
        max_length=MAX_LENGTH,
        required=False,
        help_text=f"A filter as JSON: all records that match, at most {MOST_ROWS}.",
    )


class RecordBulk(_RecordView):
    @idempotent
    @refuses(404, 409)
    def post(self, request: Request) -> Response:
        given = self.bulk_body.read(request)
        action = self.record.bulk_action(given["action"])
        if "where" in given and "ids" in given:
            raise InvalidField(gettext("Send ids or where, not both."), extra={"field": "where"})
        others = {each.field for each in self.record.bulk_actions if each.field} - {action.field}
        if unused := sorted(others & given.keys()):
            raise InvalidField(
                gettext("This action stores no such value."), extra={"field": unused[0]}
            )
        values = dict(action.values)
        if action.field:
            if action.field not in given:
                raise InvalidField(extra={"field": action.field})
            values = {action.field: given[action.field]}
        if "where" in given:
            where = parse_text(self.record, given["where"])
            chosen = choose(self.record.visible_to(self.principal).filter(where.q()))
        else:
            chosen = checked([ChosenRow(pk) for pk in given.get("ids", ())])
        result = run_bulk(
            by=self.principal,
            record=self.record,
            action=action,
            chosen=chosen,
            values=values,
            is_alone=True,
        )
        return Response(BulkResultSerializer(result).data)


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
    serializer = serializer or _serializer_of(record)
    body = body or _body_of(record)
    query = query or _made(
        RecordListQuery, f"{name}ListQuery", record=record, name=slug, ordering=orders_of(record)
    )
    bulk_body = _made(
        BulkBody,
        f"{name}BulkBody",
        action=serializers.ChoiceField(choices=[each.key for each in record.bulk_actions]),
        **_chosen_members(record, body),
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
    with override("en"):
        one = str(record.model._meta.verbose_name)
        many = str(record.model._meta.verbose_name_plural)
    details = DeletableRecordDetail if record.delete else RecordDetail
    views = {
        "list": _made(RecordList, f"{name}List", **shared),
        "detail": _made(details, f"{name}Detail", **shared),
        "bulk": _made(RecordBulk, f"{name}Bulk", **shared),
    }
    described: dict[str, dict[str, Any]] = {
        "list get list": {
            "description": f"List the {many} that you may see.",
            "parameters": [query],
            "responses": page_of(serializer, total=TotalSerializer(required=False)),
        },
        "list post create": {
            "description": f"Add a {one}.",
            "request": body,
            "responses": {201: serializer},
            "examples": example(create_example),
        },
        "detail get get": {
            "description": f"Return one {one}.",
            "parameters": [RecordQuery],
            "responses": serializer,
        },
        "detail patch update": {
            "description": "Change the members that are sent.",
            "request": body,
            "responses": serializer,
            "examples": example(update_example),
        },
        "bulk post bulk": {
            "description": f"Do the same to many {many}; what you may not change is left out.",
            "request": bulk_body,
            "responses": BulkResultSerializer,
        },
    }
    if record.delete:
        described["detail delete delete"] = {
            "description": f"Delete a {one}.",
            "request": None,
            "responses": {204: None},
        }
    for key, options in described.items():
        view, method, operation = key.split()
        schema = extend_schema(tags=[tag or slug], operation_id=f"{slug}_{operation}", **options)
        extend_schema_view(**{method: schema})(views[view])
    one_path = f"{path}/<uuid:{record.model._meta.model_name}_id>"
    found = [
        url_path(path, views["list"].as_view(), name=names[0]),
        url_path(one_path, views["detail"].as_view(), name=names[1]),
    ]
    if record.bulk_actions:
        found.append(url_path(f"{path}/bulk", views["bulk"].as_view(), name=f"{names[0]}_bulk"))
    return found


def _made(base: type[Any], class_name: str, /, **members: Any) -> Any:
    return type(class_name, (base,), members)


def _serializer_of(record: Record) -> type[serializers.Serializer[Any]]:
    fields = {each.name: each.api_field(is_body=False) for each in record.fields}
    members = {"id": serializers.UUIDField(), **fields}
    made: type[serializers.Serializer[Any]] = _made(
        serializers.Serializer, f"{record.model.__name__}Serializer", **members
    )
    return made


def _body_of(record: Record) -> type[Body]:
    columns = [field for name in record.form if (field := record.field(name))]
    members = {each.name: each.api_field(is_body=True) for each in columns}
    made: type[Body] = _made(Body, f"{record.model.__name__}Body", **members)
    return made


def _chosen_members(record: Record, body: type[Body]) -> dict[str, Any]:
    """Return the members of a body whose values actions store, none of them required."""
    columns = {each.field for each in record.bulk if each.field}
    declared: Mapping[str, Any] = body().get_fields()
    return {
        name: type(member)(**{**member._kwargs, "required": False})
        for name, member in declared.items()
        if (member.source or name) in columns
    }
