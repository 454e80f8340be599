"""Jobs over HTTP."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import ListQuery, RecordQuery, ordering_field, page_of, page_response
from crm.core.api.lists import record_response
from crm.core.api.module_view import IsMember
from crm.core.fields import MomentField
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.presentation import PresentedJob, present, present_one
from crm.core.jobs.services import cancel_job
from crm.core.permissions import Principal
from crm.core.permissions.requests import principal_of


class JobErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="error_code")
    message = serializers.CharField(source="error")


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
        return dict(JobErrorSerializer(each.job).data) if each.job.error_code else None


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
            query.page(Job.objects.visible_to(self.principal)),
            self._presented,
            JobSerializer,
        )

    def _presented(self, jobs: list[Job]) -> list[dict[str, Any]]:
        return [dict(JobSerializer(each).data) for each in present(self.principal, jobs)]


@extend_schema(tags=["jobs"])
class JobDetail(JobView):
    @extend_schema(operation_id="jobs_get", parameters=[RecordQuery], responses=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return one background task with its progress."""
        job = Job.objects.visible_to(self.principal).filter(pk=job_id).first()
        if job is None:
            raise JobNotFound
        return record_response(request, JobSerializer(present_one(self.principal, job)).data)


@extend_schema(tags=["jobs"])
class JobCancellation(JobView):
    @extend_schema(operation_id="jobs_cancel", request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel a background task; safe to repeat."""
        job = cancel_job(by=self.principal, job_id=job_id)
        return Response(JobSerializer(present_one(self.principal, job)).data)
