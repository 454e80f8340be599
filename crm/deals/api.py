"""Pipelines and their stages over HTTP."""

from typing import Any, cast
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.urls import URLPattern, path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    ListQuery,
    Query,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    list_response,
    ordering_field,
    page_of,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.models.named import NAME_LENGTH
from crm.core.permissions import Module, Principal
from crm.deals.errors import PipelineNotFound, StageNotFound
from crm.deals.models import Pipeline, Stage, StageKind
from crm.deals.services import (
    create_pipeline,
    create_stage,
    delete_pipeline,
    delete_stage,
    update_pipeline,
    update_stage,
)

_POSITION = "Its place among the others, 1 for the first."


class _SettingView(ModuleView):
    """Read by whoever sees deals, changed by whoever manages the settings."""

    area = Module.SETTINGS
    area_to_read = Module.DEALS


class StageSerializer(serializers.ModelSerializer[Stage]):
    class Meta:
        model = Stage
        fields = [
            "id",
            "pipeline_id",
            "name",
            "kind",
            "probability",
            "rotting_days",
            "position",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class PipelineSerializer(serializers.ModelSerializer[Pipeline]):
    stages = StageSerializer(many=True, source="shown_stages")

    class Meta:
        model = Pipeline
        fields = ["id", "name", "position", "stages", "created_at", "updated_at"]
        read_only_fields = fields


class PipelineBody(Body):
    name = serializers.CharField(max_length=NAME_LENGTH)
    position = serializers.IntegerField(
        min_value=1, max_value=1_000, required=False, help_text=_POSITION
    )


class StageBody(Body):
    name = serializers.CharField(max_length=NAME_LENGTH)
    kind = serializers.ChoiceField(choices=StageKind.choices, required=False)
    probability = serializers.IntegerField(
        min_value=0, max_value=100, required=False, help_text="In percent."
    )
    rotting_days = serializers.IntegerField(
        min_value=1,
        max_value=3_660,
        required=False,
        allow_null=True,
        help_text="A deal that stands in the stage for longer rots.",
    )
    position = serializers.IntegerField(
        min_value=1, max_value=1_000, required=False, help_text=_POSITION
    )


class RemovalQuery(Query):
    move_to = serializers.UUIDField(
        required=False, help_text="The stage that the deals go to, needed where there are any."
    )


class PipelineListQuery(ListQuery):
    name = "pipelines"

    ordering = ordering_field("position", "name")

    def column_of(self, name: str) -> str:
        return "sort_name" if name == "name" else name


def _pipelines(reader: Principal) -> "QuerySet[Pipeline]":
    stages = Stage.objects.visible_to(reader).order_by("position", "pk")
    prefetch = Prefetch("stages", queryset=stages, to_attr="shown_stages")
    return cast("QuerySet[Pipeline]", Pipeline.objects.visible_to(reader)).prefetch_related(
        prefetch
    )


def _data_of(reader: Principal, pk: UUID) -> tuple[Any, Pipeline]:
    """Return what the API says of a pipeline, and the row. Raise PipelineNotFound."""
    found = _pipelines(reader).filter(pk=pk).first()
    if found is None:
        raise PipelineNotFound
    return PipelineSerializer(found).data, found


@extend_schema(tags=["pipelines"])
class PipelineList(_SettingView):
    @extend_schema(
        operation_id="pipelines_list",
        parameters=[PipelineListQuery],
        responses=page_of(PipelineSerializer),
    )
    def get(self, request: Request) -> Response:
        """List the pipelines with their stages."""
        rows = _pipelines(self.principal)
        return list_response(request, PipelineListQuery, rows, PipelineSerializer)

    @extend_schema(
        operation_id="pipelines_create",
        request=PipelineBody,
        responses={201: PipelineSerializer},
        examples=example({"name": "Wholesale"}),
    )
    @idempotent
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Add a pipeline; it begins with the usual stages."""
        made = create_pipeline(by=self.principal, **PipelineBody.read(request))
        data, row = _data_of(self.principal, made.pk)
        location = reverse("deals:api_pipeline", args=[made.pk])
        return created_response(data, of=row, location=location)


@extend_schema(tags=["pipelines"])
class PipelineDetail(_SettingView):
    is_versioned = True

    @extend_schema(
        operation_id="pipelines_get", parameters=[RecordQuery], responses=PipelineSerializer
    )
    def get(self, request: Request, pipeline_id: UUID) -> Response:
        """Return one pipeline with its stages."""
        data, row = _data_of(self.principal, pipeline_id)
        return record_response(request, data, of=row)

    @extend_schema(
        operation_id="pipelines_update",
        request=PipelineBody,
        responses=PipelineSerializer,
        examples=example({"position": 1}),
    )
    @refuses(409)
    def patch(self, request: Request, pipeline_id: UUID) -> Response:
        """Rename a pipeline, or move it."""
        update_pipeline(
            by=self.principal,
            pk=pipeline_id,
            version=expected_version(request),
            **PipelineBody.read(request, partial=True),
        )
        data, row = _data_of(self.principal, pipeline_id)
        return Response(data, headers=etag_headers(row))

    @extend_schema(
        operation_id="pipelines_delete",
        parameters=[RemovalQuery],
        request=None,
        responses={204: None},
    )
    @refuses(409)
    def delete(self, request: Request, pipeline_id: UUID) -> Response:
        """Delete a pipeline; its deals go to the stage `move_to` of another one."""
        delete_pipeline(
            by=self.principal,
            pk=pipeline_id,
            version=expected_version(request),
            move_to=RemovalQuery.read(request)["move_to"],
        )
        return Response(status=204)


@extend_schema(tags=["pipelines"])
class StageList(_SettingView):
    @extend_schema(
        operation_id="stages_create",
        request=StageBody,
        responses={201: StageSerializer},
        examples=example({"name": "Samples sent", "probability": 40, "position": 3}),
    )
    @idempotent
    @refuses(404, 409)
    def post(self, request: Request, pipeline_id: UUID) -> Response:
        """Add a stage to a pipeline."""
        made = create_stage(by=self.principal, pipeline_id=pipeline_id, **StageBody.read(request))
        location = reverse("deals:api_stage", args=[made.pk])
        return created_response(StageSerializer(made).data, of=made, location=location)


@extend_schema(tags=["pipelines"])
class StageDetail(_SettingView):
    is_versioned = True

    @extend_schema(operation_id="stages_get", parameters=[RecordQuery], responses=StageSerializer)
    def get(self, request: Request, stage_id: UUID) -> Response:
        """Return one stage."""
        found = Stage.objects.visible_to(self.principal).filter(pk=stage_id).first()
        if found is None:
            raise StageNotFound
        return record_response(request, StageSerializer(found).data, of=found)

    @extend_schema(
        operation_id="stages_update",
        request=StageBody,
        responses=StageSerializer,
        examples=example({"rotting_days": 14}),
    )
    @refuses(409)
    def patch(self, request: Request, stage_id: UUID) -> Response:
        """Change a stage; its outcome only while no deal stands in it."""
        stage = update_stage(
            by=self.principal,
            pk=stage_id,
            version=expected_version(request),
            **StageBody.read(request, partial=True),
        )
        return Response(StageSerializer(stage).data, headers=etag_headers(stage))

    @extend_schema(
        operation_id="stages_delete",
        parameters=[RemovalQuery],
        request=None,
        responses={204: None},
    )
    @refuses(409)
    def delete(self, request: Request, stage_id: UUID) -> Response:
        """Delete a stage; its deals go to the stage `move_to`."""
        delete_stage(
            by=self.principal,
            pk=stage_id,
            version=expected_version(request),
            move_to=RemovalQuery.read(request)["move_to"],
        )
        return Response(status=204)


def pipeline_api_urls() -> list[URLPattern]:
    """Return the paths of pipelines and stages."""
    one = "api/v1/pipelines/<uuid:pipeline_id>"
    return [
        path("api/v1/pipelines", PipelineList.as_view(), name="api_pipelines"),
        path(one, PipelineDetail.as_view(), name="api_pipeline"),
        path(f"{one}/stages", StageList.as_view(), name="api_stages"),
        path("api/v1/stages/<uuid:stage_id>", StageDetail.as_view(), name="api_stage"),
    ]
