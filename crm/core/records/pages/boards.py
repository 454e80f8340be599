"""The board of a record: a list as cards in columns, under the same filters and views."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.core.errors import AppError, BadRequest, Invalid, InvalidField
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import done, once
from crm.core.permissions import WRITE, Principal
from crm.core.permissions.requests import member_required
from crm.core.records import ListState, Record, get_record
from crm.core.records.boards import (
    Column,
    Shape,
    cards_of,
    columns_of,
    may_move,
    move_card,
    shape_of,
)
from crm.core.records.conditions import Condition, Group
from crm.core.records.lists import CURSOR, VIEW
from crm.core.records.operators import IN
from crm.core.records.pages.lists import (
    Chip,
    chosen_view,
    frame_context,
    reader_of,
    writer_of,
)
from crm.core.records.saved_views import View, views_of
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo, undo
from crm.core.versions import EditedMeanwhile

COLUMN = "column"


@require_safe
@never_cache
@member_required
def board(request: HttpRequest, slug: str) -> HttpResponse:
    """Render the board; the columns alone, or more cards of one, for htmx.

    An address that cannot be used is answered with 400 and the whole view.
    """
    record = get_record(slug)
    reader = reader_of(request, record)
    views = views_of(reader, record)
    base = chosen_view(record, views, request.GET.get(VIEW, ""))
    error = ""
    try:
        state = ListState.from_parameters(record, request.GET, base)
    except Invalid as invalid:
        error, state = invalid.message, base
    is_fragment = bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    if is_fragment and COLUMN in request.GET and not error:
        key = request.GET[COLUMN]
        page = cards_of(state, reader, key, request.GET.get(CURSOR, ""))
        column = Column(key, "", 0, None, page)
        context = _context(reader, state, base) | {"column": _shown(column, record, reader)}
        return render(request, "records/_cards.html", context)
    shape = shape_of(state, reader)
    context = _context(reader, state, base, shape) | {"error": error}
    assert record.board is not None  # noqa: S101  its addresses are there
    asks = record.board.asks(reader)
    context["columns"] = [
        {**_shown(column, record, reader), "asks": asks.get(column.key, "")}
        for column in columns_of(state, reader, shape)
    ]
    context["asked_form"] = _asked_form(record, reader, set(asks.values()))
    context |= frame_context(reader, views, state, base, record.board_url, shape.within)
    context |= _beside_group(reader, views, state, base, shape)
    context["is_fragment"] = is_fragment
    template = "records/_board.html" if is_fragment else "records/board.html"
    response = render(request, template, context, status=400 if error else 200)
    if is_fragment:
        response["HX-Push-Url"] = f"{request.path}{state.url(base)}"
    return response


@require_POST
@never_cache
@member_required
@once
def move(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Move a card. For htmx, answer with the card as it is now and the heads of both columns."""
    record = get_record(slug)
    writer = writer_of(request, record)
    (pk,) = ids.values()
    try:
        moved = move_card(
            by=writer,
            record=record,
            pk=pk,
            column=request.POST.get(COLUMN, ""),
            after=_id(request.POST.get("after", "")),
            version=version_of(request),
            values=_answered(request, record, writer),
        )
    except EditedMeanwhile as conflict:
        text = _("Somebody moved or changed this card meanwhile. The board shows it as it is now.")
        if not request.htmx:  # type: ignore[attr-defined]
            messages.error(request, text)
            return redirect(f"{record.board_url}{_address(request)}")
        raise EditedMeanwhile(text, extra=conflict.extra) from conflict
    text = _("%(title)s was moved.") % {"title": isolate(record.title_of(moved.row))}
    if not request.htmx:  # type: ignore[attr-defined]
        offer_undo(request, text, moved.action_id)
        return redirect(f"{record.board_url}{_address(request)}")
    state, base = _state(request, record, writer)
    record.load_relations(writer, [moved.row])
    shape = shape_of(state, writer)
    columns = [_shown(each, record, writer) for each in columns_of(state, writer, shape)]
    now = request.POST[COLUMN]
    context = _context(writer, state, base, shape) | {
        "columns": columns,
        "changed": [each for each in columns if each["key"] in {now, moved.before}],
        "card": _card(moved.row, record, writer),
        "card_column": now,
        "text": text,
        "action_id": moved.action_id,
    }
    return done(render(request, "records/_moved.html", context))


@require_POST
@never_cache
@member_required
@once
def undo_move(request: HttpRequest, slug: str, action_id: UUID) -> HttpResponse:
    """Undo a move, and return to the board."""
    record = get_record(slug)
    writer = writer_of(request, record)
    try:
        messages.success(request, undo(by=writer, action_id=action_id).text)
    except AppError as refusal:
        messages.error(request, refusal.message)
    return redirect(f"{record.board_url}{_address(request)}")


def _answered(request: HttpRequest, record: Record, writer: Principal) -> dict[str, Any]:
    """Return the value that the column asks for, if it was given. Raise InvalidField."""
    assert record.board is not None  # noqa: S101  its addresses are there
    name = record.board.asks(writer).get(request.POST.get(COLUMN, ""), "")
    field = record.field(name)
    if field is None or not request.POST.get(name):
        return {}
    try:
        return {name: field.form_field(writer).clean(request.POST[name])}
    except ValidationError as error:
        raise InvalidField(extra={"field": name}) from error


def _state(request: HttpRequest, record: Record, reader: Principal) -> tuple[ListState, ListState]:
    given = QueryDict(_address(request).removeprefix("?"))
    base = chosen_view(record, views_of(reader, record), given.get(VIEW, ""))
    return ListState.from_parameters(record, given, base), base


def _address(request: HttpRequest) -> str:
    """Return the query of the board that was looked at."""
    text = request.POST.get("list", "")
    return text if text.startswith("?") else ""


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise BadRequest from error


def _context(
    reader: Principal, state: ListState, base: ListState, shape: Shape | None = None
) -> dict[str, Any]:
    record, shape = state.record, shape or shape_of(state, reader)
    assert record.board is not None  # noqa: S101  its addresses are there
    return {
        "active_section": record.section,
        "record": record,
        "may_write": reader.may(record.area, WRITE),
        "state": state,
        "list_address": state.url(base),
        "board_columns": shape.choices,
        "board_groups": _groups(state, base, shape),
        "card_fields": [field for name in record.board.fields if (field := record.field(name))],
        "total_field": record.field(record.board.total) if record.board.total else None,
    }


def _asked_form(record: Record, reader: Principal, names: Collection[str]) -> Form:
    """Return a form with the fields that columns ask for."""
    form = Form(auto_id="asked-%s")
    for name in sorted(names):
        if field := record.field(name):
            form.fields[name] = field.form_field(reader)
    return form


def _beside_group(
    reader: Principal, views: list[View], state: ListState, base: ListState, shape: Shape
) -> dict[str, Any]:
    """Return what stands around a board of a chosen group: the group is no change of the view, and
    the addresses of the views keep it; a view that names groups itself has its own.
    """
    chosen = _group_condition(state, shape)
    if chosen is None or shape.group is None or _names(base.where, shape.group.name):
        return {}
    others = tuple(part for part in state.where.parts if part is not chosen)
    # The dialog and the addresses have the group; what is told of the filter has not.
    told = replace(state, where=Group(others))
    return {
        "views": [(view, _view_url_in(view.state, chosen)) for view in views],
        "is_changed": told.stored() != base.stored(),
        "chips": [
            Chip(part.sentence(reader), state.url(base, where=state.where.without(number)))
            for number, part in enumerate(state.where.parts)
            if part is not chosen
        ],
        "reset_url": _view_url_in(base, chosen),
    }


def _view_url_in(view: ListState, chosen: Condition) -> str:
    if view.where.is_any or _names(view.where, chosen.field.name):
        return view.url(view)
    return view.url(view, where=Group((*view.where.parts, chosen)))


def _names(where: Group, name: str) -> bool:
    return any(part.field.name == name for part in where.conditions())


def _group_condition(state: ListState, shape: Shape) -> Condition | None:
    """Return the part of the filter that chooses the group of the board."""
    if shape.group is None or state.where.is_any:
        return None
    return next(
        (
            part
            for part in state.where.parts
            if isinstance(part, Condition)
            and (part.field.name, part.operator) == (shape.group.name, IN)
            and part.values == (shape.group_id,)
        ),
        None,
    )


def _groups(state: ListState, base: ListState, shape: Shape) -> list[dict[str, Any]]:
    """Return the groups with the addresses of their boards: the filter with one group chosen."""
    if shape.group is None:
        return []
    others = tuple(
        part
        for part in (() if state.where.is_any else state.where.parts)
        if not isinstance(part, Condition) or part.field.name != shape.group.name
    )
    return [
        {
            "label": label,
            "is_chosen": key == shape.group_id,
            "address": state.url(base, where=Group((*others, Condition(shape.group, IN, (key,))))),
        }
        for key, label in shape.groups
    ]


def _shown(column: Column, record: Record, reader: Principal) -> dict[str, Any]:
    return {
        "key": column.key,
        "label": column.label,
        "count": column.count,
        "total": column.total,
        "cards": [_card(row, record, reader) for row in column.page.rows],
        "next_cursor": column.page.next_cursor,
    }


def _card(row: Any, record: Record, reader: Principal) -> dict[str, Any]:
    assert record.board is not None  # noqa: S101  its addresses are there
    mark = record.board.mark(row)
    return {"row": row, "may_move": may_move(reader, record, row), "mark": mark}
