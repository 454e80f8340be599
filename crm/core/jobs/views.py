"""Pages of jobs: one's list, one job with its report, its progress, cancellation and download."""

from functools import partial
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.core.api.lists import keyset_page
from crm.core.http.redirects import local_target
from crm.core.jobs.downloads import download
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.kinds import RESULT
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
        Job.objects.visible_to(reader).for_lists().select_related("started_by"),
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
    by = principal_of(request)
    return cast(HttpResponse, download(by, partial(fetch_file, by=by, job_id=job_id, name=name)))


def _visible(request: HttpRequest, job_id: UUID) -> PresentedJob:
    reader = principal_of(request)
    job = Job.objects.visible_to(reader).select_related("started_by").filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return present_one(reader, job)
