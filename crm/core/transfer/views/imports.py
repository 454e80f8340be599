"""Pages of an import: upload, mapping, preview, report, undo."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import AppError, BadRequest, Invalid
from crm.core.form_guard.idempotency import once
from crm.core.forms import Form
from crm.core.jobs.models import Job
from crm.core.jobs.presentation import PresentedJob, present_one
from crm.core.jobs.views import file_response
from crm.core.permissions import Principal
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Record, get_record
from crm.core.transfer.import_jobs import require_import
from crm.core.transfer.importing import (
    UPLOADED_AT_ONCE,
    add_content,
    check_import,
    discard_import,
    fetch_faults,
    has_faults,
    is_undoable,
    read_again,
    run_import,
    start_import,
    undo_import,
    unfinished_of,
    visible_import,
)
from crm.core.transfer.mapping import fields_of
from crm.core.transfer.models import Import, ImportMode, ImportState
from crm.core.transfer.tables import DELIMITERS, ENCODINGS, MAX_BYTES, MAX_ROWS
from crm.core.transfer.views.exports import record_of

EARLIER_SHOWN = 10


class UploadForm(Form):
    """A whole file, or the name and the size of one whose parts follow."""

    file = forms.FileField(required=False)
    file_name = forms.CharField(max_length=255, required=False)
    size = forms.IntegerField(min_value=1, max_value=10**12, required=False)


class PartForm(Form):
    number = forms.IntegerField(min_value=0, max_value=10_000)
    part = forms.FileField()


class ReadForm(Form):
    encoding = forms.ChoiceField(label=_("Encoding"), choices=[("", ""), *ENCODINGS.items()])
    delimiter = forms.ChoiceField(
        label=_("Delimiter"), choices=list(DELIMITERS.items()), required=False
    )


class MappingForm(Form):
    mode = forms.ChoiceField(choices=ImportMode.choices)
    key = forms.CharField(max_length=60, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
@once
def new_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a file; a POST begins an import."""
    record = record_of(slug)
    by = principal_of(request)
    require_import(by, record)
    error = ""
    if request.method == "POST":
        try:
            return _begin(request, by, record)
        except Invalid as refusal:
            if request.POST.get("file_name"):
                raise
            error = refusal.message
    unfinished = unfinished_of(by).filter(record=slug).select_related("started_by")
    visible = Import.objects.visible_to(by).filter(record=slug).select_related("started_by")
    earlier = visible.exclude(pk__in=unfinished.values("pk")).order_by("-created_at")
    context = {
        "active_section": slug,
        "record": record,
        "error": error,
        "earlier": [*unfinished.order_by("-created_at"), *earlier[:EARLIER_SHOWN]],
        "fields": fields_of(record),
        "limits": {"megabytes": MAX_BYTES // 1024**2, "rows": MAX_ROWS},
        "part_bytes": UPLOADED_AT_ONCE,
    }
    return render(request, "transfer/new_import.html", context, status=400 if error else 200)


def _begin(request: HttpRequest, by: Principal, record: Record) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        raise BadRequest
    given = form.cleaned_data
    file = given["file"]
    if file is None:
        if not given["file_name"] or not given["size"]:
            raise Invalid(str(_("Choose a file.")))
        found = start_import(by=by, record=record, file_name=given["file_name"], size=given["size"])
        return redirect("transfer:parts", import_id=found.pk)
    found = start_import(by=by, record=record, file_name=file.name, size=file.size)
    add_content(by=by, import_id=found.pk, number=0, content=file.read())
    return redirect("transfer:import", import_id=found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
def parts(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Take the next part of a file; answer where to go on."""
    by = principal_of(request)
    found = visible_import(by, import_id)
    if request.method == "POST":
        form = PartForm(request.POST, request.FILES)
        if not form.is_valid():
            raise BadRequest
        found = add_content(
            by=by,
            import_id=import_id,
            number=form.cleaned_data["number"],
            content=form.cleaned_data["part"].read(),
        )
    return JsonResponse(
        {
            "parts": reverse("transfer:parts", args=[found.pk]),
            "page": reverse("transfer:import", args=[found.pk]),
        }
    )


@require_safe
@never_cache
@member_required
def import_page(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Render an import at its present state; as a fragment for htmx while a job is active."""
    return _page(request, visible_import(principal_of(request), import_id))


@require_POST
@member_required
def read(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Read the file in the chosen encoding."""
    form = ReadForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    read_again(by=principal_of(request), import_id=import_id, **form.cleaned_data)
    return redirect("transfer:import", import_id=import_id)


@require_POST
@member_required
def check(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Preview the result with the chosen fields."""
    by = principal_of(request)
    found = visible_import(by, import_id)
    form = MappingForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    mapping = [request.POST.get(f"column-{at}", "") for at in range(len(found.columns))]
    mode, key = ImportMode(form.cleaned_data["mode"]), form.cleaned_data["key"]
    try:
        check_import(by=by, import_id=import_id, mapping=mapping, mode=mode, key=key)
    except Invalid as refusal:
        found.mapping, found.mode, found.key = mapping, mode, key
        found.state = ImportState.MAPPING
        return _page(request, found, refusal)
    return redirect("transfer:import", import_id=import_id)


@require_POST
@member_required
def run(request: HttpRequest, import_id: UUID) -> HttpResponse:
    run_import(by=principal_of(request), import_id=import_id)
    return redirect("transfer:import", import_id=import_id)


@require_POST
@member_required
def undo(request: HttpRequest, import_id: UUID) -> HttpResponse:
    undo_import(by=principal_of(request), import_id=import_id)
    return redirect("transfer:import", import_id=import_id)


@require_POST
@never_cache
@member_required
def faults(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Download the faulty rows; a POST, because the download is audited."""
    info, content = fetch_faults(by=principal_of(request), import_id=import_id)
    return cast(HttpResponse, file_response(info, content))


@require_POST
@member_required
def discard(request: HttpRequest, import_id: UUID) -> HttpResponse:
    found = discard_import(by=principal_of(request), import_id=import_id)
    messages.success(request, _("Discarded."))
    return redirect("transfer:new_import", slug=found.record)


def _page(request: HttpRequest, found: Import, refusal: AppError | None = None) -> HttpResponse:
    reader = principal_of(request)
    record = get_record(found.record)
    fields = fields_of(record)
    samples = list(zip(*found.sample, strict=True)) or [()] * len(found.columns)
    context: dict[str, Any] = {
        "active_section": record.slug,
        "record": record,
        "import": found,
        "each": _job_of(reader, found.job),
        "columns": list(zip(found.columns, samples, found.mapping, strict=True))
        if len(found.mapping) == len(found.columns)
        else [],
        "fields": fields,
        "keys": [each for each in fields if each.name in record.import_keys],
        "modes": ImportMode.choices,
        "encodings": ENCODINGS.items(),
        "encoding": ENCODINGS.get(found.encoding, ""),
        "delimiters": DELIMITERS.items(),
        "delimiter": DELIMITERS.get(found.delimiter, ""),
        "error": refusal.message if refusal else "",
        "is_undoable": is_undoable(found),
        "has_faults": has_faults(found),
    }
    template = "transfer/_import.html" if request.htmx else "transfer/import.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=refusal.status if refusal else 200)


def _job_of(reader: Principal, job: Job | None) -> PresentedJob | None:
    return present_one(reader, job) if job else None
