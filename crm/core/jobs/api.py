"""Jobs over HTTP."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import (
    ListQuery,
    RecordQuery,
    ordering_field,
    page_of,
    page_response,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import IsMember
from crm.core.fields import MomentField
from crm.core.jobs.downloads import download
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.kinds import FileInfo, JobReport
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.presentation import PresentedJob, present, present_one
from crm.core.jobs.services import cancel_job, fetch_file, undo_job
from crm.core.permissions import Principal
from crm.core.permissions.requests import principal_of


class JobErrorSerializer(serializers.Serializer[PresentedJob]):
    code = serializers.CharField(source="job.error_code")
    message = serializers.CharField(
        source="error", help_text="The code again, for whoever may not see what it works on."
    )


class JobSerializer(serializers.Serializer[PresentedJob]):
    id = serializers.UUIDField(source="job.id")
    kind = serializers.CharField(source="job.kind")
    title = serializers.CharField()
    state = serializers.ChoiceField(source="job.state", choices=JobState.choices)
    done = serializers.IntegerField(source="job.done", help_text="Units that are done.")
    total = serializers.IntegerField(
        source="job.total", allow_null=True, help_text="Of so many units; null while unknown."
    )
    files = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the files that can be downloaded."
    )
    error = serializers.SerializerMethodField(help_text="Why it failed, else null.")
    created_at = MomentField(source="job.created_at")
    started_at = MomentField(source="job.started_at", allow_null=True)
    finished_at = MomentField(source="job.finished_at", allow_null=True, read_only=True)

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, each: PresentedJob) -> dict[str, Any] | None:
        return dict(JobErrorSerializer(each).data) if each.job.error_code else None


class LeftOutCountSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="A sentence in the language of whoever started it.")
    count = serializers.IntegerField()


class JobReportSerializer(serializers.Serializer[Any]):
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="What became of how many, by name."
    )
    left_out = serializers.SerializerMethodField(help_text="How many were left out, and why.")

    @extend_schema_field(LeftOutCountSerializer(many=True))
    def get_left_out(self, report: JobReport) -> list[dict[str, Any]]:
        return [{"reason": reason, "count": count} for reason, count in report.left_out.items()]


class JobDetailSerializer(JobSerializer):
    """One job, with its report."""

    report = JobReportSerializer(help_text="Empty while it is unknown, or may not be read.")


def job_response(by: Principal, job: Job) -> Response:
    """Return 202 with a job that was started, and its address."""
    data: dict[str, Any] = dict(JobSerializer(present_one(by, job)).data)
    return Response(data, status=202, headers={"Location": reverse("jobs:api_job", args=[job.pk])})


class JobListQuery(ListQuery):
    name = "jobs"
    lookups = {"state": "state", "kind": "kind"}

    ordering = ordering_field("-created_at", "created_at")
    state = serializers.ChoiceField(choices=JobState.choices, required=False)
    kind = serializers.CharField(max_length=60, required=False)


class JobView(APIView):
    permission_classes = [IsMember]

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)


@extend_schema(tags=["jobs"])
class Jobs(JobView):
    @extend_schema(
        operation_id="jobs_list", parameters=[JobListQuery], responses=page_of(JobSerializer)
    )
    def get(self, request: Request) -> Response:
        """List your background tasks; those of the whole organization if you manage it."""
        query = JobListQuery.read(request)
        return page_response(
            request,
            query,
            query.page(Job.objects.visible_to(self.principal).for_lists()),
            self._presented,
            JobSerializer,
        )

    def _presented(self, jobs: list[Job]) -> list[dict[str, Any]]:
        return [dict(JobSerializer(each).data) for each in present(self.principal, jobs)]


@extend_schema(tags=["jobs"])
class JobDetail(JobView):
    @extend_schema(operation_id="jobs_get", parameters=[RecordQuery], responses=JobDetailSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return one background task with its progress, and its report."""
        job = Job.objects.visible_to(self.principal).filter(pk=job_id).first()
        if job is None:
            raise JobNotFound
        return record_response(request, JobDetailSerializer(present_one(self.principal, job)).data)


@extend_schema(tags=["jobs"])
class JobCancellation(JobView):
    @extend_schema(operation_id="jobs_cancel", request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel a background task; safe to repeat."""
        job = cancel_job(by=self.principal, job_id=job_id)
        return Response(JobSerializer(present_one(self.principal, job)).data)


@extend_schema(tags=["jobs"])
class JobUndo(JobView):
    @extend_schema(operation_id="jobs_undo", request=None, responses={202: JobSerializer})
    @idempotent
    @refuses(409)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Undo what a background task did, by another one.

        That of a change of many for an hour, by whoever started it; that of an import for 30 days.
        What somebody changed or used since stays: the report of the new task has the numbers.
        """
        return job_response(self.principal, undo_job(by=self.principal, job_id=job_id))


# The one type that is documented, of whatever file.
FILE_RESPONSE = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


def file_response(
    by: Principal, fetch: Callable[[], tuple[FileInfo, Iterator[bytes]]]
) -> HttpResponseBase:
    """Return what ``fetch`` gives as a download of the type that is documented."""
    response = download(by, fetch)
    response["Content-Type"] = "application/octet-stream"
    return response


class AnyType(DefaultContentNegotiation):
    """Accept any ``Accept`` header, since files have various types; errors are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        (renderer,) = renderers
        return renderer, renderer.media_type


@extend_schema(tags=["jobs"])
class JobFile(JobView):
    content_negotiation_class = AnyType

    @extend_schema(operation_id="jobs_get_file", responses=FILE_RESPONSE)
    def get(self, request: Request, job_id: UUID, name: str) -> HttpResponseBase:
        """Download a file of a background task that has ended; the audit tells who did."""
        by = self.principal
        return file_response(by, partial(fetch_file, by=by, job_id=job_id, name=name))
