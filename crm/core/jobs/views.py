"""Pages of jobs: one's list, one job with its report, its progress, cancellation and download."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.core.api.lists import keyset_page
from crm.core.http.redirects import local_target
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.kinds import RESULT, FileInfo
from crm.core.jobs.models import Job
from crm.core.jobs.presentation import PresentedJob, present, present_one
from crm.core.jobs.services import cancel_job, fetch_file
from crm.core.permissions.requests import member_required, principal_of

PAGE = {"active_section": "settings", "active_page": "jobs"}
SHOWN = 50


@require_safe
@never_cache
@member_required
def job_list(request: HttpRequest) -> HttpResponse:
    """Render the reader's jobs, the newest first."""
    reader = principal_of(request)
    page = keyset_page(
        Job.objects.visible_to(reader).select_related("started_by"),
        ordering="-created_at",
        scope="jobs page",
        cursor=request.GET.get("after"),
        limit=SHOWN,
    )
    context = {**PAGE, "jobs": present(reader, page.rows), "next": page.next_cursor}
    return render(request, "jobs/list.html", context)


@require_safe
@never_cache
@member_required
def job_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Render one job; as a fragment for htmx, which asks again while the job is active."""
    each = _visible(request, job_id)
    if request.htmx:  # type: ignore[attr-defined]  # by its middleware
        template = "jobs/_row.html" if "row" in request.GET else "jobs/_job.html"
        return render(request, template, {"each": each})
    return render(request, "jobs/job.html", {**PAGE, "each": each})


@require_POST
@member_required
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = cancel_job(by=principal_of(request), job_id=job_id)
    messages.success(request, _("Cancelled.") if job.state == "cancelled" else _("It had ended."))
    default = reverse("jobs:job", args=[job_id])
    return redirect(local_target(request, request.POST.get("back"), default))


@require_POST
@never_cache
@member_required
def fetch(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Download a file; a POST, because the download is audited."""
    name = request.POST.get("file", RESULT)
    info, content = fetch_file(by=principal_of(request), job_id=job_id, name=name)
    return cast(HttpResponse, file_response(info, content))


def file_response(info: FileInfo, content: Any) -> StreamingHttpResponse:
    """Return a file of a job as a download."""
    answer = StreamingHttpResponse(content, content_type=info.content_type)
    answer["Content-Disposition"] = f'attachment; filename="{info.name}"'
    return answer


def _visible(request: HttpRequest, job_id: UUID) -> PresentedJob:
    reader = principal_of(request)
    job = Job.objects.visible_to(reader).select_related("started_by").filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return present_one(reader, job)
