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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import AppError, Conflict
from crm.core.form_guard.idempotency import once_adding_with_form
from crm.core.permissions import WRITE, Module, Principal, can_access, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.ratelimit import count_form
from crm.core.records import Record, get_record, panels_of
from crm.core.records.lists import CURSOR
from crm.core.records.notes import create_note
from crm.core.records.pages.forms import RecordForm, form_of
from crm.core.records.pages.lists import (
    reader_of,
    url_after_saving,
    visible_row,
    writer_of,
)
from crm.core.records.pages.timeline import NOTE_REFUSALS, NoteForm, timeline_context
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
    """Render a record with the panels that other apps add to it; its timeline alone for htmx."""
    record = get_record(slug)
    reader = reader_of(request, record)
    return _row_page(request, record, reader, visible_row(record, reader, ids))


@require_POST
@never_cache
@member_required
@once_adding_with_form
def add_note(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Write a note; one that is refused stands on the page again, with the reason."""
    record = get_record(slug)
    writer = writer_of(request, record)
    row = visible_row(record, writer, ids)
    form, status = NoteForm(request.POST), 422
    try:
        count_form(request)
        if form.is_valid():
            create_note(by=writer, record=record, row_id=row.pk, **form.cleaned_data)
            messages.success(request, _("The note was saved."))
            return redirect(f"{record.url_of(row)}#timeline")
    except NOTE_REFUSALS as refusal:
        form.add_error("text", refusal.message)
        status = refusal.status
    return _row_page(request, record, writer, row, note_form=form, status=status)


def _row_page(
    request: HttpRequest,
    record: Record,
    reader: Principal,
    row: Any,
    *,
    note_form: NoteForm | None = None,
    status: int = 200,
) -> HttpResponse:
    may_change = _may_change(record, reader, row)
    context: dict[str, Any] = {"record": record, "row": row}
    if record.has_timeline:
        context |= timeline_context(
            request, record, reader, row, may_write=may_change, form=note_form
        )
        if request.htmx and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
            is_more = CURSOR in request.GET
            template = "records/_entries.html" if is_more else "records/_timeline.html"
            return render(request, template, context, status=status)
    context |= {
        "active_section": record.section,
        "title": record.title_of(row),
        "facts": record.fields,
        "panels": panels_of(record.slug, reader, row),
        "may_change": may_change,
        "may_explain": reader.may(Module.SETTINGS),
        "access_url": record.access_url_of(row),
        "edit_url": record.edit_url_of(row),
        "actions": [each for each in record.bulk_actions if each.would_change(row)],
    }
    return render(request, record.page_template, context, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once_adding_with_form
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
    writer = principal_of(request)
    form = form_of(record, writer)(request.POST or None, initial=dict(initial))
    extra = {"warning": warning, "back": back or record.list_url, **(context or {})}
    is_warned = not warning or WARNED in request.POST
    status = 200 if is_warned or not form.is_bound else Conflict.status
    if request.method == "POST":
        try:
            count_form(request)
            row = (
                record.create(by=writer, **form.cleaned_data)
                if form.is_valid() and is_warned
                else None
            )
        except AppError as error:
            status = form.refuse(error)
        else:
            if row is not None:
                if saved:
                    # Not before it is certain that it stays: a once-key holds the transaction.
                    transaction.on_commit(partial(saved, row))
                messages.success(request, _("Saved."))
                return redirect(back or url_after_saving(request, record, writer, row.pk))
    return form_page(request, record, form, template=template, context=extra, status=status)


@require_safe
@never_cache
@member_required
def record_access(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Render who may access a record and why, to who may see other members' permissions."""
    record = get_record(slug)
    reader = principal_of(request)
    require(reader, Module.SETTINGS)
    row = visible_row(record, reader, ids)
    return _pages["access"](
        request,
        area=record.area,
        owner_ids=record.owner_ids_of(row),
        title=record.title_of(row),
        back=record.url_of(row),
    )


def _may_change(record: Record, reader: Principal, row: Model) -> bool:
    return can_access(reader, record.area, WRITE, record.owner_ids_of(row))


def form_page(
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
    if form.has_conflict:
        status = EditedMeanwhile.status
    title = record.title_of(row) if row else str(record.new_label)
    shown = {
        "active_section": record.section,
        "record": record,
        "row": row,
        "form": form,
        "title": title,
        "heading": _("Edit %(title)s") % {"title": isolate(title)} if row else title,
        **context,
    }
    return render(request, template, shown, status=status)
