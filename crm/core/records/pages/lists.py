"""The page of a list: views, search, filter, columns and rows; rows alone for htmx."""

import json
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.api.lists import Page
from crm.core.errors import Invalid
from crm.core.models.saved_view import NAME_LENGTH
from crm.core.permissions import READ, WRITE, Level, Principal, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import Field, Group, ListState, Record, get_record
from crm.core.records.conditions import WHERE, FilterInvalid, as_sent
from crm.core.records.lists import COLUMNS, CURSOR, SORT, VIEW
from crm.core.records.saved_views import SavedViewNotFound, View, views_of
from crm.core.text.normalization import LONGEST_SEARCH


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the filter in words, and the address without it."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: ``url`` sorts by it, ``direction`` is how the list is sorted by it now."""

    label: str
    url: str
    direction: str


@dataclass(frozen=True, slots=True)
class RefusedView:
    """What was typed to save a view, and why it was not; ``key`` is the view of the page."""

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


@require_safe
@never_cache
@member_required
def record_list(request: HttpRequest, slug: str) -> HttpResponse:
    """Render a list. An address that cannot be used is answered with 400 and the whole view; a
    filter that is refused stands in its dialog, to be corrected.
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
        error, state = _named(record, invalid), base
        page = state.page(reader)
        if isinstance(invalid, FilterInvalid):
            refused = {"where": as_sent(record, request.GET), "refused": invalid.extra}
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    address = f"{request.path}{state.url(base)}"
    is_from_form = WHERE in request.GET or len(request.GET.getlist(COLUMNS)) > 1
    is_shortest = QueryDict(state.url(base).removeprefix("?")) == request.GET
    if is_from_form and not (error or is_fragment or is_shortest):
        # What a form sent is shown at the shortest address of the same list.
        return redirect(address)
    context = _rows(reader, state, base, page) | {"error": error, "notice": notice}
    if is_fragment and request.GET.get(CURSOR) and not error:
        return render(request, "records/_rows.html", context)
    context |= _frame(reader, views, state, base)
    context["is_fragment"] = is_fragment
    context["filter_data"] |= refused or {}
    template = "records/_result.html" if is_fragment else record.list_template
    response = render(request, template, context, status=400 if error else 200)
    if is_fragment:
        response["HX-Push-Url"] = address
    return response


def refused_list(
    request: HttpRequest, reader: Principal, state: ListState, refused: RefusedView
) -> HttpResponse:
    """Render the list in the state whose view could not be saved, with the reason and the name."""
    views = views_of(reader, state.record)
    base = chosen_view(state.record, views, refused.key)
    state = replace(state, view=base.view)
    context = _rows(reader, state, base, state.page(reader)) | _frame(reader, views, state, base)
    context["refused"] = refused
    return render(request, state.record.list_template, context, status=refused.status)


def _rows(reader: Principal, state: ListState, base: ListState, page: Page[Any]) -> dict[str, Any]:
    record = state.record
    may_write = reader.may(record.area, WRITE)
    next_url = f"{state.url(base)}&{CURSOR}={page.next_cursor}" if page.next_cursor else ""
    return {
        "active_section": record.slug,
        "record": record,
        "may_write": may_write,
        "bulk_actions": record.bulk_actions if may_write else (),
        "state": state,
        "rows": page.rows,
        "columns": state.shown_columns,
        "next_url": next_url,
    }


def _frame(
    reader: Principal, views: list[View], state: ListState, base: ListState
) -> dict[str, Any]:
    """Return what stands around the rows."""
    record = state.record
    active = next((view for view in views if view.key == base.view), None)
    return {
        "views": [(view, _view_url(view)) for view in views],
        "active_view": active,
        "is_changed": state.stored() != base.stored(),
        "total": state.total(reader),
        "is_narrowed": bool(state.where or state.search),
        "chips": [
            Chip(part.sentence(), state.url(base, where=state.where.without(number)))
            for number, part in enumerate(state.where.parts)
        ]
        if not state.where.is_any
        else [Chip(state.where.sentence(), state.url(base, where=Group()))],
        "headings": [_heading(field, state, base) for field in state.shown_columns],
        "all_columns": [
            (field, field in state.shown_columns) for field in _in_order(record, state)
        ],
        "kept": _kept(state, base),
        "reset_url": base.url(base),
        "filter_data": {"fields": _described(record), "where": state.where.as_json()},
        "stored_json": json.dumps(state.stored(), ensure_ascii=False),
        "list_address": state.url(base),
        "lengths": {"search": LONGEST_SEARCH, "name": NAME_LENGTH},
        "may_import": bool(record.import_keys) and reader.may(record.area, WRITE, Level.ALL),
        "may_export": reader.may(record.area, READ, Level.ALL),
        "can_save": reader.user_id is not None,
    }


def _named(record: Record, invalid: Invalid) -> str:
    """Return why a list was refused, with the name of the field where it is one of the record."""
    field = record.field(str(invalid.extra.get("field", "")))
    return f"{field.heading}: {invalid.message}" if field else invalid.message


def chosen_view(record: Record, views: list[View], key: str) -> ListState:
    """Return the state of the view of this key, else of the user's default view."""
    found = next((view for view in views if view.key == key), None)
    found = found or next((view for view in views if view.is_default), None)
    found = found or next(iter(views), None)
    return found.state if found else ListState(record)


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


def _in_order(record: Record, state: ListState) -> list[Any]:
    shown = state.shown_columns
    return [*shown, *(field for field in record.fields if field not in shown)]


def _kept(state: ListState, base: ListState) -> list[tuple[str, str]]:
    """Return the parameters of the address that a form of the page keeps, without its own."""
    parameters: list[tuple[str, str]] = [(VIEW, state.view)] if state.view else []
    if state.where != base.where:
        parameters += state.where.parameters() or [("all", "true")]
    if state.sort and state.sort != base.sort:
        parameters.append((SORT, state.sort))
    return parameters


def _described(record: Record) -> list[dict[str, Any]]:
    """Return the fields, operators and choices for the filter's dialog."""
    return [_described_field(field) for field in record.fields if field.operators]


def _described_field(field: Field) -> dict[str, Any]:
    # Those of a relation are looked up: once for all operators.
    choices = field.choices()
    return {
        "name": field.name,
        "label": field.heading,
        "operators": [
            {
                "name": operator.name,
                "label": str(operator.label),
                "takes": operator.takes,
                "choices": choices if operator.takes == "choices" else field.choices_of(operator),
            }
            for operator in field.operators
        ],
    }
