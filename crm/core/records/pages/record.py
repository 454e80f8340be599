"""The page of one record, its form, and who may access it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm.core.errors import AppError, Conflict
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Module, Principal, can_access, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Record, get_record, panels_of
from crm.core.records.pages.forms import RecordForm, form_of
from crm.core.records.pages.lists import reader_of, writer_of
from crm.core.text.normalization import isolate
from crm.core.versions import EditedMeanwhile

# Set by a page that showed a warning.
WARNED = "warned"
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
        "actions": [each for each in record.bulk_actions if each.would_change(row)],
    }
    return render(request, record.page_template, context)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def new_record(request: HttpRequest, slug: str) -> HttpResponse:
    """Create a record."""
    record = get_record(slug)
    writer = writer_of(request, record)
    given = {name: request.GET[name] for name in record.form if name in request.GET}
    return creation_page(request, record, initial={**record.initial(writer), **given})


def creation_page(
    request: HttpRequest,
    record: Record,
    *,
    initial: Mapping[str, Any],
    saved: Callable[[Any], None] | None = None,
    back: str = "",
    warning: str = "",
    template: str = "records/form.html",
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Render the form of a new row, or store it; the caller checks the permission.

    ``saved`` is called with the row after the commit, then its page is opened, or ``back``.
    ``warning`` says why there may be no need for it any more: it is stored only from a page that
    showed it.
    """
    form = form_of(record)(request.POST or None, initial=dict(initial))
    extra = {"warning": warning, "back": back or record.list_url, **(context or {})}
    is_warned = not warning or WARNED in request.POST
    status = 200 if is_warned or not form.is_bound else Conflict.status
    if request.method == "POST" and form.is_valid() and is_warned:
        try:
            row = record.create(by=principal_of(request), **form.cleaned_data)
        except AppError as error:
            status = form.refuse(error)
        else:
            if saved:
                # Not before it is certain that the row stays: a once-key holds the transaction.
                transaction.on_commit(partial(saved, row))
            messages.success(request, _("Saved."))
            return redirect(back or record.url_of(row))
    return _form_page(request, record, form, template=template, context=extra, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once
def edit_record(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Store the fields that were changed; a conflict shows both versions."""
    record = get_record(slug)
    writer = writer_of(request, record)
    row = _visible(record, writer, ids)
    form = form_of(record)(request.POST or None, initial=record.form_values_of(row), record=row)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            record.update(
                by=writer, pk=row.pk, version=version_of(request), **form.changed_values()
            )
        except EditedMeanwhile:
            row = _visible(record, writer, ids)
            form.meet(row, record.form_values_of(row))
        except AppError as error:
            status = form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect(record.url_of(row))
    context = {"back": record.url_of(row)}
    return _form_page(request, record, form, row=row, context=context, status=status)


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
        raise record.not_found
    return row


def _may_change(record: Record, reader: Principal, row: Model) -> bool:
    return can_access(reader, record.area, WRITE, record.owner_ids_of(row))


def _form_page(
    request: HttpRequest,
    record: Record,
    form: RecordForm,
    *,
    row: Model | None = None,
    template: str = "records/form.html",
    context: Mapping[str, Any],
    status: int = 200,
) -> HttpResponse:
    if form.errors and status == 200:
        status = 422
    if form.was_changed_elsewhere:
        status = EditedMeanwhile.status
    title = record.title_of(row) if row else str(record.new_label)
    shown = {
        "active_section": record.slug,
        "record": record,
        "row": row,
        "form": form,
        "title": title,
        "heading": _("Edit %(title)s") % {"title": isolate(title)} if row else title,
        **context,
    }
    return render(request, template, shown, status=status)
