"""The form that exports a list."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from crm.core.errors import BadRequest, NotFound
from crm.core.form_guard.idempotency import once_adding
from crm.core.forms import Form
from crm.core.permissions import READ, Level, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Record, find_record
from crm.core.records.pages.lists import posted_state
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format


class ExportForm(Form):
    format = forms.ChoiceField(choices=Format.choices)
    columns = forms.ChoiceField(choices=[("shown", ""), ("all", "")])
    has_bom = forms.BooleanField(required=False)


@require_POST
@member_required
@once_adding
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """Start an export of the posted list and show its progress."""
    record = record_of(slug)
    reader = principal_of(request)
    require(reader, record.area, READ, Level.ALL)
    form = ExportForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    chosen = form.cleaned_data
    job = start_export(
        by=reader,
        state=posted_state(request, record),
        form=Format(chosen["format"]),
        has_bom=chosen["has_bom"],
        all_columns=chosen["columns"] == "all",
    )
    return redirect("jobs:job", job_id=job.pk)


def record_of(slug: str) -> Record:
    """Return the record of an address. Raise NotFound."""
    record = find_record(slug)
    if record is None:
        raise NotFound
    return record
