"""Pages of an import: upload, mapping, preview, report, undo."""

from collections.abc import Callable
from functools import partial
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
from crm.core.form_guard.idempotency import once, once_adding_with_form
from crm.core.forms import Form
from crm.core.jobs.downloads import download
from crm.core.jobs.models import Job
from crm.core.jobs.presentation import PresentedJob, present_one
from crm.core.permissions import Principal
from crm.core.permissions.requests import member_required, principal_of
from crm.core.ratelimit import count_form
from crm.core.records import Record, get_record
from crm.core.text.normalization import is_blank
from crm.core.transfer.errors import ImportNotReady
from crm.core.transfer.formats import Format, file_info, head_of
from crm.core.transfer.import_jobs import require_import
from crm.core.transfer.importing import (
    MAX_PASTED,
    UPLOADED_AT_ONCE,
    add_content,
    check_import,
    discard_import,
    fetch_faults,
    has_faults,
    is_undoable,
    read_again,
    run_import,
    source_text,
    start_import,
    start_pasted,
    undo_import,
    unfinished_of,
    visible_import,
)
from crm.core.transfer.mapping import fields_of
from crm.core.transfer.models import Import, ImportMode, ImportState
from crm.core.transfer.outcomes import report_for
from crm.core.transfer.tables import DELIMITERS, ENCODINGS, MAX_BYTES, MAX_ROWS
from crm.core.transfer.views.exports import record_of

EARLIER_SHOWN = 10


class UploadForm(Form):
    """A whole file, or the name and the size of one whose parts follow, or a text that was pasted.

    A text beside a file is refused: one of them would be lost.
    """

    text = forms.CharField(
        label=_("Or paste rows"),
        required=False,
        strip=False,
        max_length=MAX_PASTED,
        widget=forms.Textarea(
            attrs={"class": "form-control", "rows": 8, "spellcheck": "false", "dir": "auto"}
        ),
    )
    file = forms.FileField(required=False, allow_empty_file=True)
    file_name = forms.CharField(max_length=255, required=False)
    size = forms.IntegerField(min_value=0, max_value=10**12, required=False)


class AgainForm(Form):
    """The import whose text is to be corrected."""

    text_of = forms.UUIDField(required=False)


class PartForm(Form):
    number = forms.IntegerField(min_value=0, max_value=10_000)
    part = forms.FileField()


class SeenForm(Form):
    """The job whose result the page showed; empty before the first one."""

    job = forms.UUIDField(required=False)


class ReadForm(SeenForm):
    encoding = forms.ChoiceField(label=_("Encoding"), choices=[("", ""), *ENCODINGS.items()])
    delimiter = forms.ChoiceField(
        label=_("Delimiter"), choices=list(DELIMITERS.items()), required=False
    )


class MappingForm(SeenForm):
    mode = forms.ChoiceField(choices=ImportMode.choices)
    key = forms.CharField(max_length=60, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
@once_adding_with_form
def new_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a file; a POST begins an import. ``text_of`` names one whose text is corrected."""
    record = record_of(slug)
    by = principal_of(request)
    require_import(by, record)
    refusal: AppError | None = None
    form = UploadForm(initial={"text": _text_to_correct(request, by)})
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        try:
            return _begin(request, form, by, record)
        except AppError as refused:
            if request.POST.get("file_name"):
                raise
            refusal = refused
    unfinished = unfinished_of(by).filter(record=slug).for_lists()
    visible = Import.objects.visible_to(by).filter(record=slug).for_lists()
    earlier = visible.exclude(pk__in=unfinished.values("pk")).order_by("-created_at")
    context = {
        "active_section": slug,
        "record": record,
        "form": form,
        "error": refusal.message if refusal else "",
        "earlier": [*unfinished.order_by("-created_at"), *earlier[:EARLIER_SHOWN]],
        "fields": fields_of(record),
        "limits": {"megabytes": MAX_BYTES // 1024**2, "rows": MAX_ROWS},
        "part_bytes": UPLOADED_AT_ONCE,
    }
    status = refusal.status if refusal else 200
    return render(request, "transfer/new_import.html", context, status=status)


@require_safe
@never_cache
@member_required
def template(request: HttpRequest, slug: str) -> HttpResponse:
    """Download a workbook with the names of the columns, to be filled in."""
    record = record_of(slug)
    require_import(principal_of(request), record)
    columns = [field.heading for field in fields_of(record)]
    info = file_info(Format.XLSX, f"{record.slug}-template")
    content = b"".join(info.wrap(iter([head_of(Format.XLSX, columns).encode()])))
    headers = {"Content-Disposition": f'attachment; filename="{info.name}"'}
    return HttpResponse(content, content_type=info.content_type, headers=headers)


def _text_to_correct(request: HttpRequest, by: Principal) -> str:
    again = AgainForm(request.GET)
    if not again.is_valid():
        raise BadRequest
    named = again.cleaned_data["text_of"]
    return source_text(by=by, import_id=named) if named else ""


def _begin(request: HttpRequest, form: UploadForm, by: Principal, record: Record) -> HttpResponse:
    count_form(request)
    if not form.is_valid():
        if "text" in form.errors:
            raise Invalid(" ".join(map(str, form.errors["text"])))
        raise BadRequest
    given = form.cleaned_data
    file, text = given["file"], given["text"]
    if not is_blank(text):
        if file is not None or given["file_name"]:
            raise Invalid(
                str(_("There is text in the field as well. Import one first, then the other."))
            )
        found = start_pasted(by=by, record=record, text=text)
        return redirect("transfer:import", import_id=found.pk)
    if file is None:
        if not given["file_name"] or given["size"] is None:
            raise Invalid(str(_("Choose a file, or paste rows.")))
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
@once
def read(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Read the file in the chosen encoding."""
    given = _given(ReadForm(request.POST))
    how = {name: given[name] for name in ("encoding", "delimiter")}
    return _acted(request, import_id, read_again, seen=given["job"], **how)


@require_POST
@member_required
@once
def check(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Preview the result with the chosen fields."""
    found = visible_import(principal_of(request), import_id)
    given = _given(MappingForm(request.POST))
    how = {
        "mapping": [request.POST.get(f"column-{at}", "") for at in range(len(found.columns))],
        "mode": ImportMode(given["mode"]),
        "key": given["key"],
    }
    try:
        return _acted(request, import_id, check_import, seen=given["job"], **how)
    except Invalid as refusal:
        for name, value in how.items():
            setattr(found, name, value)
        found.state = ImportState.MAPPING
        return _page(request, found, refusal)


@require_POST
@member_required
@once
def run(request: HttpRequest, import_id: UUID) -> HttpResponse:
    return _acted(request, import_id, run_import, seen=_given(SeenForm(request.POST))["job"])


@require_POST
@member_required
@once
def undo(request: HttpRequest, import_id: UUID) -> HttpResponse:
    return _acted(request, import_id, undo_import, seen=_given(SeenForm(request.POST))["job"])


@require_POST
@never_cache
@member_required
def faults(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Download the faulty rows; a POST, because the download is audited."""
    by = principal_of(request)
    return cast(HttpResponse, download(by, partial(fetch_faults, by=by, import_id=import_id)))


@require_POST
@member_required
@once
def discard(request: HttpRequest, import_id: UUID) -> HttpResponse:
    record = visible_import(principal_of(request), import_id).record
    seen = _given(SeenForm(request.POST))["job"]
    answer = _acted(request, import_id, discard_import, seen=seen)
    if answer.status_code >= 400:
        return answer
    messages.success(request, _("Discarded."))
    return redirect("transfer:new_import", slug=record)


def _given(form: Form) -> dict[str, Any]:
    if not form.is_valid():
        raise BadRequest
    return form.cleaned_data


def _acted(
    request: HttpRequest, import_id: UUID, act: Callable[..., Import], **how: Any
) -> HttpResponse:
    """Do something to an import as its page showed it, and go there; where it has gone on
    meanwhile, show that.
    """
    by = principal_of(request)
    try:
        act(by=by, import_id=import_id, **how)
    except ImportNotReady as refusal:
        return _page(request, visible_import(by, import_id), refusal)
    return redirect("transfer:import", import_id=import_id)


def _preset(record: Record, found: Import, *, is_refused: bool) -> dict[str, str]:
    """Return the key and the mode that the form shows: the user's, or those that fit the columns.

    An import without a key updates nothing, so that one with another mode was not chosen yet.
    """
    if is_refused or found.key or found.mode == ImportMode.CREATE:
        return {"key": found.key, "mode": found.mode}
    mapped = [key.field for key in record.import_keys if key.field in found.mapping]
    if not mapped:
        return {"key": "", "mode": ImportMode.CREATE}
    return {"key": mapped[0], "mode": found.mode}


def _page(request: HttpRequest, found: Import, refusal: AppError | None = None) -> HttpResponse:
    reader = principal_of(request)
    record = get_record(found.record)
    fields = fields_of(record)
    samples = list(zip(*found.sample, strict=True)) or [()] * len(found.columns)
    context: dict[str, Any] = {
        "active_section": record.slug,
        "record": record,
        "import": found,
        "preview": report_for(reader, record, found.preview),
        "report": report_for(reader, record, found.report),
        "each": _job_of(reader, found.job),
        "columns": list(zip(found.columns, samples, found.mapping, strict=True))
        if len(found.mapping) == len(found.columns)
        else [],
        "fields": fields,
        "keys": [field for key in record.import_keys if (field := record.field(key.field))],
        "preset": _preset(record, found, is_refused=refusal is not None),
        "modes": ImportMode.choices,
        "encodings": ENCODINGS.items(),
        "encoding": ENCODINGS.get(found.encoding, ""),
        "delimiters": DELIMITERS.items(),
        "delimiter": DELIMITERS.get(found.delimiter, ""),
        "error": refusal.message if refusal else "",
        "is_undoable": is_undoable(found),
        "has_faults": has_faults(found),
        "has_text": found.state == ImportState.FAILED
        and bool(source_text(by=reader, import_id=found.pk)),
    }
    template = "transfer/_import.html" if request.htmx else "transfer/import.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=refusal.status if refusal else 200)


def _job_of(reader: Principal, job: Job | None) -> PresentedJob | None:
    return present_one(reader, job) if job else None
