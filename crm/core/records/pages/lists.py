"""The page of a list: views, search, filter, columns and rows; rows alone for htmx."""

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.api.lists import Page
from crm.core.errors import BadRequest, Invalid
from crm.core.http.strict_json import NotJson, read_json
from crm.core.models.saved_view import NAME_LENGTH
from crm.core.permissions import READ, WRITE, Level, Principal, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Field, Group, ListState, Record, get_record
from crm.core.records.conditions import MAX_LENGTH, WHERE, FilterInvalid, unvalidated_json
from crm.core.records.lists import COLUMNS, CURSOR, EVERYTHING, SORT, VIEW, exact_state
from crm.core.records.saved_views import SavedViewNotFound, View, views_of
from crm.core.text.folding import MAX_SEARCH_LENGTH


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the filter as a sentence, and the URL of the list without it."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A column heading: ``url`` sorts by it; ``direction`` is "ascending", "descending" or ""."""

    label: str
    url: str
    direction: str


@dataclass(frozen=True, slots=True)
class RefusedView:
    """The input of a view that was not saved, and the error; ``key`` is the page's current view."""

    reason: str
    status: int
    key: str
    do: str
    name: str
    is_shared: bool
    is_conflict: bool = False


def reader_of(request: HttpRequest, record: Record) -> Principal:
    """Return the principal if it may read the record's area. Raise Forbidden."""
    reader = principal_of(request)
    require(reader, record.area)
    return reader


def writer_of(request: HttpRequest, record: Record) -> Principal:
    """Return the principal if it may change rows of the record's area. Raise Forbidden."""
    writer = principal_of(request)
    require(writer, record.area, WRITE)
    return writer


def visible_row(record: Record, reader: Principal, ids: dict[str, UUID]) -> Any:
    """Return the row of an address, if the reader may see it. Raise the record's NotFound."""
    (pk,) = ids.values()
    row: Model | None = record.visible_to(reader).filter(pk=pk).first()
    if row is None:
        raise record.not_found
    return row


def url_after_saving(request: HttpRequest, record: Record, reader: Principal, pk: UUID) -> str:
    """Return the address of a row that the reader changed: the list's, with a message, if they gave
    it away and no longer see it.
    """
    sees_all = reader.level(record.area) == Level.ALL
    if sees_all or record.visible_to(reader).prefetch_related(None).filter(pk=pk).exists():
        return record.url_of_id(pk)
    messages.info(request, _("It belongs to somebody else now; you no longer see it."))
    return record.list_url


@require_safe
@never_cache
@member_required
def record_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Render a list, or its rows alone for htmx.

    Invalid parameters give status 400 and the rows of the unchanged view; an invalid filter is
    shown in the filter dialog for correction.
    """
    record = get_record(slug)
    reader = reader_of(request, record)
    views = views_of(reader, record)
    base = chosen_view(record, views, request.GET.get(VIEW, ""))
    error, notice, refused = "", "", None
    if (asked := request.GET.get(VIEW)) and asked not in {view.key for view in views}:
        notice = SavedViewNotFound().message
    try:
        state = ListState.from_parameters(record, request.GET, base)
        page = state.page(reader, request.GET.get(CURSOR, ""))
    except Invalid as invalid:
        error, state = _error_message(record, invalid), base
        page = state.page(reader)
        if isinstance(invalid, FilterInvalid):
            refused = {"where": unvalidated_json(record, request.GET), "refused": invalid.extra}
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    url = f"{request.path}{state.url(base)}"
    is_from_form = WHERE in request.GET or len(request.GET.getlist(COLUMNS)) > 1
    is_shortest = QueryDict(state.url(base).removeprefix("?")) == request.GET
    if is_from_form and not (error or is_fragment or is_shortest):
        # A submitted form redirects to the shortest URL of the same list.
        return redirect(url)
    context = _rows(reader, state, base, page) | {"error": error, "notice": notice}
    if is_fragment and request.GET.get(CURSOR) and not error:
        return render(request, "records/_rows.html", context)
    context |= frame_context(reader, views, state, base)
    context["is_fragment"] = is_fragment
    context["filter_data"] |= refused or {}
    template = "records/_result.html" if is_fragment else record.list_template
    response = render(request, template, context, status=400 if error else 200)
    if is_fragment:
        response["HX-Push-Url"] = url
    return response


def refused_list(
    request: HttpRequest, reader: Principal, state: ListState, refused: RefusedView
) -> HttpResponse:
    """Render the list in the state that could not be saved as a view, with the error and input."""
    views = views_of(reader, state.record)
    base = chosen_view(state.record, views, refused.key)
    state = replace(state, view=base.view)
    context = _rows(reader, state, base, state.page(reader)) | frame_context(
        reader, views, state, base
    )
    context["refused"] = refused
    return render(request, state.record.list_template, context, status=refused.status)


def _rows(reader: Principal, state: ListState, base: ListState, page: Page[Any]) -> dict[str, Any]:
    record = state.record
    may_write = reader.may(record.area, WRITE)
    next_url = f"{state.url(base)}&{CURSOR}={page.next_cursor}" if page.next_cursor else ""
    return {
        "active_section": record.section,
        "record": record,
        "may_write": may_write,
        "bulk_actions": record.bulk_actions if may_write else (),
        "state": state,
        "rows": page.rows,
        "columns": state.shown_columns,
        "next_url": next_url,
    }


def frame_context(
    reader: Principal,
    views: list[View],
    state: ListState,
    base: ListState,
    page_url: str = "",
    within: Q = EVERYTHING,
) -> dict[str, Any]:
    """Return what stands around the rows of the page ``page_url``, by default the list, which
    shows those ``within``.
    """
    record = state.record
    active = next((view for view in views if view.key == base.view), None)
    return {
        "page_url": page_url or record.list_url,
        "views": [(view, _view_url(view)) for view in views],
        "active_view": active,
        "active_filter": active.state.where.sentence(reader) if active else "",
        "is_changed": state.stored() != base.stored(),
        "total": state.total(reader, within),
        "is_narrowed": bool(state.where or state.search),
        "chips": [
            Chip(part.sentence(reader), state.url(base, where=state.where.without(number)))
            for number, part in enumerate(state.where.parts)
        ]
        if not state.where.is_any
        else [Chip(state.where.sentence(reader), state.url(base, where=Group()))],
        "headings": [_heading(field, state, base) for field in state.shown_columns],
        "all_columns": [
            (field, field in state.shown_columns) for field in _ordered_columns(record, state)
        ],
        "kept": _kept(state, base),
        "reset_url": base.url(base),
        "filter_data": {"fields": _filter_fields(record, reader), "where": state.where.as_json()},
        "stored_json": json.dumps(state.stored(), ensure_ascii=False),
        "list_address": state.url(base),
        "lengths": {"search": MAX_SEARCH_LENGTH, "name": NAME_LENGTH},
        "may_import": bool(record.import_keys) and reader.may(record.area, WRITE, Level.ALL),
        "may_export": reader.may(record.area, READ, Level.ALL),
        "can_save": reader.user_id is not None,
    }


def _error_message(record: Record, invalid: Invalid) -> str:
    """Return the error's message, prefixed with the label of the field that it names."""
    field = record.field(str(invalid.extra.get("field", "")))
    return f"{field.heading}: {invalid.message}" if field else invalid.message


def chosen_view(record: Record, views: list[View], key: str) -> ListState:
    """Return the state of the view with this key, else of the default view, else of the first."""
    found = next((view for view in views if view.key == key), None)
    found = found or next((view for view in views if view.is_default), None)
    found = found or next(iter(views), None)
    return found.state if found else ListState(record)


def posted_state(request: HttpRequest, record: Record) -> ListState:
    """Parse the list state that a form posts as JSON; it does not depend on a saved view.

    Raise BadRequest, and what `exact_state` does.
    """
    data = posted_json(request)
    if not isinstance(data.get("columns"), list):
        raise BadRequest
    return exact_state(record, data)


def posted_json(request: HttpRequest) -> dict[str, Any]:
    """Return the posted ``state`` as JSON, unchecked. Raise BadRequest if it is no object."""
    text = request.POST.get("state", "")
    if len(text) > 2 * MAX_LENGTH:
        raise BadRequest
    try:
        data = read_json(text)
    except NotJson as error:
        raise BadRequest from error
    if not isinstance(data, dict):
        raise BadRequest
    return data


def _view_url(view: View) -> str:
    return view.state.url(view.state)


def _heading(field: Any, state: ListState, base: ListState) -> Heading:
    if not field.is_sortable:
        return Heading(field.heading, "", "")
    is_current = state.sort_field == field.name
    direction = ""
    if is_current:
        direction = "descending" if state.is_descending else "ascending"
    wanted = field.name if direction == "descending" else f"-{field.name}"
    if not is_current and field.sorts_up_first:
        wanted = field.name
    return Heading(field.heading, state.url(base, sort=wanted), direction)


def _ordered_columns(record: Record, state: ListState) -> list[Any]:
    shown = state.shown_columns
    return [*shown, *(field for field in record.fields if field not in shown)]


def _kept(state: ListState, base: ListState) -> list[tuple[str, str]]:
    """Return the (name, value) pairs that a search form carries as hidden fields."""
    parameters: list[tuple[str, str]] = [(VIEW, state.view)] if state.view else []
    if state.where != base.where:
        parameters += state.where.parameters() or [("all", "true")]
    if state.sort and state.sort != base.sort:
        parameters.append((SORT, state.sort))
    return parameters


def _filter_fields(record: Record, reader: Principal) -> list[dict[str, Any]]:
    """Return fields, operators and choices as JSON for the filter dialog."""
    return [_filter_field(field, reader) for field in record.fields if field.operators]


def _filter_field(field: Field, reader: Principal) -> dict[str, Any]:
    # One query for a relation, whatever the number of operators.
    choices = field.filter_choices(reader)
    return {
        "name": field.name,
        "label": field.heading,
        "operators": [
            {
                "name": operator.name,
                "label": str(operator.label),
                "takes": operator.takes,
                "url": field.options_url if operator.takes == "record" else "",
                "choices": choices if operator.takes == "choices" else field.choices_of(operator),
            }
            for operator in field.operators
        ],
    }
