"""Saving, changing and deleting views of a list."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.core.errors import AppError, BadRequest
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions.requests import member_required
from crm.core.records import ListState, Record, get_record
from crm.core.records.conditions import parse_json
from crm.core.records.lists import VIEW
from crm.core.records.pages.forms import ViewForm
from crm.core.records.pages.lists import RefusedView, posted_json, reader_of, refused_list
from crm.core.records.saved_views import (
    SavedViewNameInvalid,
    create_view,
    delete_view,
    set_default_view,
    update_view,
)
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo
from crm.core.versions import NOT_DELETED, EditedMeanwhile


@require_POST
@member_required
@once
def save_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the posted state as a new view, or change one, by the button's ``do``."""
    record = get_record(slug)
    reader = reader_of(request, record)
    act = {"create": _create, "update": _update, "rename": _rename}.get(request.POST.get("do", ""))
    if act is None:
        raise BadRequest
    state = _state(request, record)
    try:
        key = act(request, state, reader)
    except AppError as error:
        if error.status in {400, 403}:
            raise
        refused = RefusedView(
            reason=error.message,
            status=error.status,
            key=request.POST.get(VIEW, ""),
            do=request.POST["do"],
            name=request.POST.get("name", ""),
            is_shared="is_shared" in request.POST,
            is_conflict=isinstance(error, EditedMeanwhile),
        )
        return refused_list(request, reader, state, refused)
    return _to_view(record, key)


@require_POST
@member_required
@once
def remove_view(request: HttpRequest, slug: str, savedview_id: UUID) -> HttpResponse:
    """Delete a view, and offer undo."""
    record = get_record(slug)
    reader = reader_of(request, record)
    try:
        view, action_id = delete_view(
            by=reader, record=record, view_id=savedview_id, version=version_of(request)
        )
    except EditedMeanwhile:
        messages.error(request, NOT_DELETED)
        return _to_view(record, str(savedview_id))
    text = _("The view “%(name)s” was deleted.") % {"name": isolate(view.name)}
    offer_undo(request, text, action_id)
    return redirect(record.list_url)


@require_POST
@member_required
def choose_default(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the list with this view from now on."""
    record = get_record(slug)
    reader = reader_of(request, record)
    key = request.POST.get(VIEW, "")
    set_default_view(by=reader, record=record, key=key)
    messages.success(request, _("The list opens with this view from now on."))
    return _to_view(record, key)


def _create(request: HttpRequest, state: ListState, reader: Any) -> str:
    form = _valid(request)
    view = create_view(by=reader, state=state, **form.cleaned_data)
    messages.success(request, _("The view was saved."))
    return str(view.pk)


def _update(request: HttpRequest, state: ListState, reader: Any) -> str:
    view = update_view(
        by=reader,
        record=state.record,
        view_id=_view_id(request),
        version=version_of(request),
        state=state,
    )
    messages.success(request, _("The view was saved."))
    return str(view.pk)


def _rename(request: HttpRequest, state: ListState, reader: Any) -> str:
    form = _valid(request)
    view = update_view(
        by=reader,
        record=state.record,
        view_id=_view_id(request),
        version=version_of(request),
        **form.cleaned_data,
    )
    messages.success(request, _("The view was saved."))
    return str(view.pk)


def _valid(request: HttpRequest) -> ViewForm:
    form = ViewForm(request.POST)
    if not form.is_valid():
        sentences = [str(error) for errors in form.errors.values() for error in errors]
        raise SavedViewNameInvalid(" ".join(sentences))
    return form


def _state(request: HttpRequest, record: Record) -> ListState:
    data = posted_json(request)
    # Stored views may have outlived a field; what is stored now must be usable.
    if "where" in data:
        parse_json(record, data["where"])
    return ListState.from_stored(record, data, "")


def _view_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get(VIEW, ""))
    except ValueError as error:
        raise BadRequest from error


def _to_view(record: Record, key: str) -> HttpResponse:
    return redirect(f"{record.list_url}?{VIEW}={key}" if key else record.list_url)
