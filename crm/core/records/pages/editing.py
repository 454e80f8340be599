"""The form that edits a record, on a page of its own or in the dialog of a list."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.core.errors import AppError, NotFound
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import done, once_with_form
from crm.core.permissions import WRITE, Principal, require_record
from crm.core.permissions.requests import member_required
from crm.core.ratelimit import count_form
from crm.core.records import Record, get_record
from crm.core.records.lists import COLUMNS, validated_columns
from crm.core.records.pages.forms import RecordForm, form_of
from crm.core.records.pages.lists import url_after_saving, visible_row, writer_of
from crm.core.records.pages.record import form_page
from crm.core.versions import EditedMeanwhile

# The field that a dialog asks for, with those with which it is one value; all without it.
FIELD = "field"


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once_with_form
def edit_record(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Store the fields that were changed; a conflict shows both versions.

    For htmx, render the form as a fragment for a dialog; once it is stored, the row with the
    ``columns`` of the list.
    """
    record = get_record(slug)
    writer = writer_of(request, record)
    row = visible_row(record, writer, ids)
    require_record(writer, record.area, WRITE, owner_ids=record.owner_ids_of(row))
    form_class = form_of(record, writer, row=row, names=_fields(request, record))
    form = form_class(request.POST or None, initial=record.form_values_of(row), record=row)
    status = 200
    if request.method == "POST":
        try:
            count_form(request)
            if form.is_valid():
                version = version_of(request)
                record.update(by=writer, pk=row.pk, version=version, **form.changed_values())
        except EditedMeanwhile:
            row = visible_row(record, writer, ids)
            form.meet(row, record.form_values_of(row))
        except AppError as error:
            status = form.refuse(error)
        else:
            if form.is_valid():
                return _saved(request, record, writer, row)
    if request.htmx:  # type: ignore[attr-defined]
        return _dialog(request, record, form, row)
    context = {"back": record.url_of(row)}
    return form_page(request, record, form, row=row, context=context, status=status)


def _saved(request: HttpRequest, record: Record, writer: Principal, row: Any) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return done(_edited_row(request, record, writer, row.pk))
    messages.success(request, _("Saved."))
    return redirect(url_after_saving(request, record, writer, row.pk))


def _fields(request: HttpRequest, record: Record) -> tuple[str, ...] | None:
    """Return the names of the fields to edit, None for all that the row has. Raise NotFound."""
    name = request.GET.get(FIELD)
    if name is None:
        return None
    if name not in record.form:
        raise NotFound
    together = {name}
    for field in record.fields:
        if name in {field.name, *field.edited_with}:
            together |= {field.name, *field.edited_with}
    return tuple(each for each in record.form if each in together)


def _dialog(request: HttpRequest, record: Record, form: RecordForm, row: Any) -> HttpResponse:
    """Render the form, with its errors if it was sent: 200, so that htmx shows it."""
    context = {
        "record": record,
        "row": row,
        "form": form,
        "title": record.title_of(row),
        "drop_url": record.edit_url_of(row),
    }
    return render(request, "records/_edit.html", context)


def _edited_row(request: HttpRequest, record: Record, writer: Principal, pk: UUID) -> HttpResponse:
    columns = validated_columns(record, request.GET.get(COLUMNS, record.columns[0]).split(","))
    context = {
        "record": record,
        # Who may no longer see it has one row less.
        "rows": record.visible_to(writer).filter(pk=pk),
        "columns": [record.field(name) for name in columns],
        "bulk_actions": record.bulk_actions,
        "may_write": True,
        "is_edited": True,
    }
    return render(request, "records/_edited.html", context)
