"""The page of one record, its form, and who may access it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm.core.errors import AppError, InvalidField, NotFound
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Module, Principal, can_access, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Record, get_record, panels_of
from crm.core.records.pages.forms import RecordForm, form_of
from crm.core.records.pages.lists import reader_of
from crm.core.text.normalization import isolate
from crm.core.versions import EditedMeanwhile

_pages: dict[str, Callable[..., HttpResponse]] = {}


def set_access_page(render_page: Callable[..., HttpResponse]) -> None:
    """Set what renders who may access a row: ``render_page(request, area=, owner_ids=, title=,
    back=)``. Members and teams are not known here.
    """
    _pages["access"] = render_page


@require_safe
@never_cache
@member_required
def record_page(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Render a record with the panels that other apps add to it."""
    record = get_record(slug)
    reader = reader_of(request, record)
    row = _visible(record, reader, ids)
    context = {
        "active_section": record.slug,
        "record": record,
        "row": row,
        "title": record.title_of(row),
        "facts": record.fields,
        "panels": panels_of(record.slug, reader, row),
        "may_change": _may_change(record, reader, row),
        "may_explain": reader.may(Module.SETTINGS),
        "access_url": record.access_url_of(row),
        "edit_url": record.edit_url_of(row),
    }
    return render(request, "records/record.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def new_record(request: HttpRequest, slug: str) -> HttpResponse:
    """Create a record."""
    record = get_record(slug)
    reader = principal_of(request)
    require(reader, record.area, WRITE)
    form = form_of(record)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = record.create(by=reader, **form.cleaned_data)
        except AppError as error:
            return _refused(request, record, form, error)
        messages.success(request, _("Saved."))
        return redirect(record.url_of(row))
    return _form_page(request, record, form)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def edit_record(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Store the fields that were changed; a conflict shows both versions."""
    record = get_record(slug)
    reader = principal_of(request)
    require(reader, record.area, WRITE)
    row = _visible(record, reader, ids)
    form = form_of(record)(request.POST or None, initial=record.form_values_of(row), record=row)
    if request.method == "POST" and form.is_valid():
        try:
            record.update(
                by=reader, pk=row.pk, version=version_of(request), **form.changed_values()
            )
        except EditedMeanwhile:
            row = _visible(record, reader, ids)
            form.meet(row, record.form_values_of(row))
        except AppError as error:
            return _refused(request, record, form, error, row=row)
        else:
            messages.success(request, _("Saved."))
            return redirect(record.url_of(row))
    return _form_page(request, record, form, row=row)


@require_safe
@never_cache
@member_required
def record_access(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Render who may access a record and why, to who may see other members' permissions."""
    record = get_record(slug)
    reader = principal_of(request)
    require(reader, Module.SETTINGS)
    row = _visible(record, reader, ids)
    return _pages["access"](
        request,
        area=record.area,
        owner_ids=record.owner_ids_of(row),
        title=record.title_of(row),
        back=record.url_of(row),
    )


def _visible(record: Record, reader: Principal, ids: dict[str, UUID]) -> Any:
    (pk,) = ids.values()
    row: Model | None = record.visible_to(reader).filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


def _may_change(record: Record, reader: Principal, row: Model) -> bool:
    return can_access(reader, record.area, WRITE, record.owner_ids_of(row))


def _refused(
    request: HttpRequest,
    record: Record,
    form: RecordForm,
    error: AppError,
    *,
    row: Model | None = None,
) -> HttpResponse:
    """Render the form with the service's refusal beside the field that it names."""
    field = error.extra.get("field") if isinstance(error, InvalidField) else None
    form.add_error(field if field in form.fields else None, error.message)
    status = 422 if isinstance(error, InvalidField) else error.status
    return _form_page(request, record, form, row=row, status=status)


def _form_page(
    request: HttpRequest,
    record: Record,
    form: RecordForm,
    *,
    row: Model | None = None,
    status: int = 200,
) -> HttpResponse:
    if form.errors and status == 200:
        status = 422
    if form.was_changed_elsewhere:
        status = EditedMeanwhile.status
    title = record.title_of(row) if row else str(record.new_label)
    context = {
        "active_section": record.slug,
        "record": record,
        "row": row,
        "form": form,
        "title": title,
        "heading": _("Edit %(title)s") % {"title": isolate(title)} if row else title,
        "back": record.url_of(row) if row else record.list_url,
    }
    return render(request, "records/form.html", context, status=status)
