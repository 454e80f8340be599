"""Saved views over HTTP: the list of a record's views, one's own and shared ones, the default."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.urls import URLPattern, reverse
from django.urls import path as url_path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import (
    Body,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import IsMember
from crm.core.api.schema import describe_operations
from crm.core.models.saved_view import NAME_LENGTH
from crm.core.permissions import Principal, require
from crm.core.permissions.requests import principal_of
from crm.core.records.conditions import MAX_LENGTH, parse_text
from crm.core.records.lists import ListState, validated_columns, validated_sort
from crm.core.records.record import Record
from crm.core.records.saved_views import (
    View,
    create_view,
    delete_view,
    find_view,
    set_default_view,
    update_view,
    views_of,
)
from crm.core.records.serializers import columns_of, member_of
from crm.core.text.folding import MAX_SEARCH_LENGTH

MAX_COLUMNS = 100


class RecordViewSerializer(serializers.Serializer[View]):
    key = serializers.CharField(help_text="What the parameter `view` of the list takes.")
    id = serializers.UUIDField(
        source="saved.pk", allow_null=True, default=None, help_text="Null: a view of every list."
    )
    name = serializers.CharField(source="label")
    where = serializers.SerializerMethodField(help_text="A filter as JSON, like that of lists.")
    search = serializers.CharField(source="state.search")
    ordering = serializers.CharField(source="state.effective_sort")
    columns = serializers.SerializerMethodField(help_text="What its page shows, in this order.")
    is_shared = serializers.BooleanField(source="saved.is_shared", default=True)
    is_mine = serializers.BooleanField()
    is_changeable = serializers.BooleanField()
    is_default = serializers.BooleanField(help_text="Your list's page opens with it.")

    def get_where(self, view: View) -> str:
        return json.dumps(view.state.where.as_json(), ensure_ascii=False)

    def get_columns(self, view: View) -> list[str]:
        record = view.state.record
        return [member_of(record, field) for field in view.state.shown_columns]


class RecordViewsSerializer(serializers.Serializer[Any]):
    results = RecordViewSerializer(many=True)


class RecordViewBody(Body):
    name = serializers.CharField(max_length=NAME_LENGTH)
    is_shared = serializers.BooleanField(
        required=False, help_text="Whether all of the organization may use it; false unless told."
    )
    where = serializers.CharField(
        max_length=MAX_LENGTH, required=False, help_text="A filter as JSON, like that of lists."
    )
    search = serializers.CharField(max_length=MAX_SEARCH_LENGTH, required=False, allow_blank=True)
    ordering = serializers.CharField(max_length=60, required=False)
    columns = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=MAX_COLUMNS,
        required=False,
        help_text="Members of the API, in this order, after the one that names the row.",
    )


class DefaultViewBody(Body):
    view = serializers.CharField(max_length=40, help_text="The `key` of a view of this list.")


class _ViewsView(APIView):
    """Whoever reads a list has views of it."""

    permission_classes = [IsMember]
    record: ClassVar[Record]
    detail_name: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(self.principal, self.record.area)

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)

    def shown(self, key: object) -> dict[str, Any]:
        view = find_view(self.principal, self.record, str(key))
        return dict(RecordViewSerializer(view).data)


class RecordViews(_ViewsView):
    def get(self, request: Request) -> Response:
        views = views_of(self.principal, self.record)
        return Response(RecordViewsSerializer({"results": views}).data)

    @idempotent
    @refuses(409)
    def post(self, request: Request) -> Response:
        given = RecordViewBody.read(request)
        view = create_view(
            by=self.principal,
            state=ListState(self.record, **_parts(self.record, given)),
            name=given["name"],
            is_shared=given.get("is_shared", False),
        )
        location = reverse(self.detail_name, args=[view.pk])
        return created_response(self.shown(view.pk), of=view, location=location)


class RecordViewDetail(_ViewsView):
    is_versioned = True

    def get(self, request: Request, view_id: UUID) -> Response:
        view = find_view(self.principal, self.record, str(view_id))
        return record_response(request, RecordViewSerializer(view).data, of=view.saved)

    def patch(self, request: Request, view_id: UUID) -> Response:
        self.shown(view_id)
        given = RecordViewBody.read(request, partial=True)
        changes = {name: given[name] for name in ("name", "is_shared") if name in given}
        view = update_view(
            by=self.principal,
            record=self.record,
            view_id=view_id,
            version=expected_version(request),
            parts=_parts(self.record, given),
            **changes,
        )
        return Response(self.shown(view_id), headers=etag_headers(view))

    def delete(self, request: Request, view_id: UUID) -> Response:
        self.shown(view_id)
        delete_view(
            by=self.principal,
            record=self.record,
            view_id=view_id,
            version=expected_version(request),
        )
        return Response(status=204)


class RecordDefaultView(_ViewsView):
    @refuses(404)
    def put(self, request: Request) -> Response:
        key = DefaultViewBody.read(request)["view"]
        set_default_view(by=self.principal, record=self.record, key=key)
        return Response(self.shown(key))


def _parts(record: Record, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a list's state that are given.

    Raise FilterInvalid, SortInvalid or ColumnsInvalid.
    """
    parts: dict[str, Any] = {}
    if "where" in given:
        parts["where"] = parse_text(record, given["where"])
    if "search" in given:
        parts["search"] = given["search"]
    if "ordering" in given:
        parts["sort"] = validated_sort(record, given["ordering"])
    if "columns" in given:
        parts["columns"] = validated_columns(record, columns_of(record, given["columns"]))
    return parts


def views_api_urls(record: Record, *, path: str, name: str, tag: str) -> list[URLPattern]:
    """Return the paths of a record's views; ``path`` is that of its list."""
    members = {
        "record": record,
        "detail_name": f"{record.namespace or record.slug}:{name}_view",
    }
    of = record.model.__name__
    views: dict[str, Any] = {
        "views": type(f"{of}Views", (RecordViews,), members),
        "view": type(f"{of}View", (RecordViewDetail,), members),
        "default": type(f"{of}DefaultView", (RecordDefaultView,), members),
    }
    described: dict[str, dict[str, Any]] = {
        "views get views_list": {
            "description": "List the views of the list: everybody's, shared ones, your own.",
            "responses": RecordViewsSerializer,
        },
        "views post views_create": {
            "description": "Save a filter, a search, an order and columns under a name.",
            "request": RecordViewBody,
            "responses": {201: RecordViewSerializer},
            "examples": example({"name": "Latest first", "ordering": record.order}),
        },
        "view get views_get": {
            "description": "Return one saved view.",
            "parameters": [RecordQuery],
            "responses": RecordViewSerializer,
        },
        "view patch views_update": {
            "description": (
                "Rename, share or change a view: your own; with the settings' permission, any "
                "that is shared."
            ),
            "request": RecordViewBody,
            "responses": RecordViewSerializer,
            "examples": example({"is_shared": True}),
        },
        "view delete views_delete": {
            "description": "Delete a view: your own; with the settings' permission, a shared one.",
            "request": None,
            "responses": {204: None},
        },
        "default put views_default": {
            "description": "Open your list's page with this view from now on.",
            "request": DefaultViewBody,
            "responses": RecordViewSerializer,
        },
    }
    describe_operations(views, described, tag=tag, prefix=record.slug)
    return [
        url_path(f"{path}/views", views["views"].as_view(), name=f"{name}_views"),
        url_path(f"{path}/views/default", views["default"].as_view(), name=f"{name}_default_view"),
        url_path(f"{path}/views/<uuid:view_id>", views["view"].as_view(), name=f"{name}_view"),
    ]
