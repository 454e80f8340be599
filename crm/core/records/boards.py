"""Boards: the rows of a list as cards in the columns of a choice, in an order that people give.

A record declares ``board=Board(field="stage", …)``; its model is a `BoardModel`. The columns are
the choices of a `ChoiceField`, or the rows of a relation: then those of one ``group`` at a time,
e.g. the stages of a pipeline, which the filter of the list chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext, gettext_noop

from crm.core.api.lists import Page, keyset_page
from crm.core.database.locks import lock_until_commit
from crm.core.errors import AppError, InvalidField, NotFound
from crm.core.permissions import WRITE, Principal, can_access, require, require_record
from crm.core.records.choice_fields import ChoiceField, RelationField
from crm.core.records.conditions import Condition, Group
from crm.core.records.lists import ListState, found_first
from crm.core.records.operators import EMPTY, IN, NOT_IN
from crm.core.records.record import Record, find_record
from crm.core.records.services import restoring
from crm.core.records.undo_values import followers_of, put_back
from crm.core.text.ranks import RANK_LENGTH, new_rank, rank_between, spread_ranks, top_rank
from crm.core.undo.services import UndoImpossible, UndoResult, record_undoable, register_undo
from crm.core.versions import check_version

# Cards of a column at once.
PAGE_SIZE = 20


class ColumnNotFound(NotFound):
    code = "column_not_found"
    message = gettext_noop("The board has no such column. Load the page again.")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how many cards match, and the sum of the board's ``total`` over them in words.

    Both are None in a column of whose cards the filter can let none through: people drop cards
    there, and a zero would say that it is empty.
    """

    key: str
    label: str
    count: int | None
    total: str | None
    page: Page[Any]


@dataclass(frozen=True, slots=True)
class Moved:
    """A card where it is now, the column it came from, and the id for `undo`."""

    row: Any
    before: str
    action_id: UUID | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a board has for a reader: its columns as (key, label), and the groups to choose from."""

    field: ChoiceField | RelationField
    choices: Sequence[tuple[str, str]]
    group: RelationField | None = None
    groups: Sequence[tuple[str, str]] = ()
    group_id: str = ""

    @property
    def keys(self) -> list[str]:
        return [key for key, _label in self.choices]

    @property
    def within(self) -> Q:
        """Return the condition of the rows in the chosen group."""
        return Q(**{self.group.name: self.group_id or None}) if self.group else Q()


def board_field(record: Record) -> ChoiceField | RelationField:
    """Return the field whose choices are the columns."""
    field = record.field(record.board.field) if record.board else None
    assert isinstance(field, ChoiceField | RelationField)  # noqa: S101  declared
    return field


def shape_of(state: ListState, reader: Principal) -> Shape:
    """Return the shape of the board under the filter of a list."""
    field, board = board_field(state.record), state.record.board
    assert board is not None  # noqa: S101  the caller asked
    group = state.record.field(board.group) if board.group else None
    if not isinstance(group, RelationField) or not isinstance(field, RelationField):
        return Shape(field, field.choices_for(reader))
    groups = group.choices_for(reader)
    chosen = _chosen_group(state, group)
    if chosen not in dict(groups):
        chosen = groups[0][0] if groups else ""
    within = {board.group: chosen} if chosen else {"pk__in": ()}
    named = replace(field, title=board.label or field.title)
    return Shape(field, named.choices_for(reader, **within), group, groups, chosen)


def _chosen_group(state: ListState, group: RelationField) -> str:
    """Return the id of the only group that the filter lets through, else ""."""
    for part in () if state.where.is_any else state.where.parts:
        if isinstance(part, Condition) and (part.field.name, part.operator) == (group.name, IN):
            return part.values[0] if len(part.values) == 1 else ""
    return ""


def columns_of(state: ListState, reader: Principal, shape: Shape | None = None) -> list[Column]:
    """Return the columns of a board with their first cards, under the filter of a list."""
    record, shape = state.record, shape or shape_of(state, reader)
    assert record.board is not None  # noqa: S101  the caller asked
    field, rows = shape.field, _rows(state, reader).filter(shape.within)
    counted: Any = {"count": Count("pk")}
    summed = record.field(record.board.total)
    if summed:
        counted["total"] = Sum(summed.orders_by)
        in_words = summed.total_formatter(reader)
    grouped = rows.order_by().values(field.name).annotate(**counted)
    counts: dict[str, Mapping[str, Any]] = {str(each[field.name]): each for each in grouped}
    implied = record.board.implies(reader) if state.where else {}
    columns = [
        Column(key, label, None, None, Page([], None))
        if _lets_none(state.where, implied.get(key, {}))
        else Column(
            key,
            label,
            counts.get(key, {}).get("count", 0),
            in_words(counts.get(key, {}).get("total") or 0) if summed else None,
            _page(record, rows, key, "") if key in counts else Page([], None),
        )
        for key, label in shape.choices
    ]
    record.load_relations(reader, [row for column in columns for row in column.page.rows])
    return columns


def _lets_none(part: Condition | Group, known: Mapping[str, str]) -> bool:
    """Return whether a filter certainly lets no row with these values through."""
    if isinstance(part, Group):
        found = [_lets_none(each, known) for each in part.parts]
        return bool(found) and (all(found) if part.is_any else any(found))
    value = known.get(part.field.name)
    if value is None:
        return False
    if part.operator == IN:
        return value not in part.values
    return part.operator == EMPTY or (part.operator == NOT_IN and value in part.values)


def cards_of(state: ListState, reader: Principal, key: str, cursor: str) -> Page[Any]:
    """Return the cards of a column behind a cursor. Raise ColumnNotFound or CursorInvalid."""
    if key not in shape_of(state, reader).keys:
        raise ColumnNotFound
    page = _page(state.record, _rows(state, reader), key, cursor)
    state.record.load_relations(reader, page.rows)
    return page


def may_move(reader: Principal, record: Record, row: Any) -> bool:
    return can_access(reader, record.area, WRITE, record.owner_ids_of(row))


@transaction.atomic
def move_card(
    *,
    by: Principal,
    record: Record,
    pk: UUID,
    column: str,
    after: UUID | None = None,
    version: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> Moved:
    """Move a card into a column, behind the card ``after``, else to its top; ``values`` are stored
    with it if it is another column.

    A card that left the column meanwhile counts as its top. Raise NotFound, Forbidden, InvalidField
    for an unknown column, EditedMeanwhile, and what the record's own service raises.
    """
    row = _locked(by, record, pk, version)
    field = board_field(record)
    allowed = dict(field.choices_for(by))
    if column not in allowed:
        raise InvalidField(extra={"field": "column", "allowed": list(allowed)})
    before = {
        "column": str(getattr(row, field.name)),
        "rank": row.board_rank,
        "follows": followers_of(record, row),
    }
    rank = _rank_in(record, row, column, after)
    row = _place(by, record, row, column, rank, values)
    data = {"record": record.slug, "pk": str(pk), "version": row.version, **before}
    action_id = record_undoable(by=by, kind="move", data=data)
    return Moved(row, before["column"], action_id)


def _rows(state: ListState, reader: Principal) -> QuerySet[Any]:
    """Return the cards without their relations, which are loaded once for all columns."""
    rows = state.rows(reader)
    if state.search:
        rows = found_first(rows, within=state.record.visible_to(reader))
    return rows.prefetch_related(None)


def _page(record: Record, rows: QuerySet[Any], key: str, cursor: str) -> Page[Any]:
    return keyset_page(
        rows.filter(**{board_field(record).name: key}),
        ordering="board_rank",
        scope=f"{record.slug}:board:{key}",
        cursor=cursor,
        limit=PAGE_SIZE,
    )


def _locked(by: Principal, record: Record, pk: UUID, version: int | None) -> Any:
    visible = record.visible_to(by).filter(pk=pk)
    rows: Any = record.model._default_manager
    locked = rows.select_for_update(of=("self",)).filter(pk__in=visible.values("pk"))
    row = locked.first()
    if row is None:
        raise record.not_found
    require(by, record.area, WRITE)
    if owners := record.owner_ids_of(row):
        require_record(by, record.area, WRITE, owner_ids=owners)
    check_version(row, version)
    return row


def _place(
    by: Principal,
    record: Record,
    row: Any,
    column: str,
    rank: str,
    values: Mapping[str, Any] | None = None,
) -> Any:
    """Store the column by the record's own service, and the rank; both are one new version."""
    field = board_field(record)
    rows: Any = record.model._base_manager.filter(pk=row.pk)
    if str(getattr(row, field.name)) == column:
        rows.update(board_rank=rank, version=F("version") + 1)
        row.version += 1
    else:
        given = {**(values or {}), field.name: column}
        row = record.update(by=by, pk=row.pk, version=row.version, **given)
        rows.update(board_rank=rank)
    row.board_rank = rank
    return row


def _rank_in(record: Record, row: Any, column: str, after: UUID | None) -> str:
    """Return a rank behind a card; whatever the mover sees, others' cards keep their places."""
    rank = _rank_behind(record, row, column, after)
    if len(rank) > RANK_LENGTH:
        _spread(record, row.organization_id, column)
        rank = _rank_behind(record, row, column, after)
    return rank


def _rank_behind(record: Record, row: Any, column: str, after: UUID | None) -> str:
    cards: Any = record.model._base_manager.filter(
        organization_id=row.organization_id, **{board_field(record).name: column}
    ).exclude(pk=row.pk)
    above = cards.filter(pk=after).values_list("board_rank", flat=True).first() if after else None
    below = cards.filter(board_rank__gt=above) if above else cards
    next_rank = below.order_by("board_rank").values_list("board_rank", flat=True).first()
    return rank_between(above, next_rank) if above else top_rank(next_rank)


def _spread(record: Record, organization_id: UUID, column: str) -> None:
    """Store new ranks of a column's cards in the same order, with room between them."""
    lock_until_commit("board", organization_id, record.slug, column)
    cards: Any = record.model._base_manager.filter(
        organization_id=organization_id, **{board_field(record).name: column}
    )
    rows = list(cards.order_by("board_rank", "pk").only("pk", "board_rank"))
    # Behind what will be new.
    start = new_rank()
    for card, rank in zip(rows, spread_ranks(len(rows)), strict=True):
        card.board_rank = start + rank
    record.model._base_manager.bulk_update(rows, ["board_rank"], batch_size=1_000)


def _undo_move(by: Principal, data: dict[str, Any]) -> UndoResult:
    """Move a card back unless it was changed since."""
    record = find_record(data["record"])
    if record is None or record.board is None:
        raise UndoImpossible
    try:
        row = _locked(by, record, UUID(data["pk"]), data["version"])
        with restoring():
            _place(by, record, row, data["column"], data["rank"])
        put_back(record, row.pk, data["follows"])
    except AppError as refusal:
        raise UndoImpossible(
            gettext("This cannot be undone: the card was changed since.")
        ) from refusal
    return UndoResult(gettext("The card is where it was."))


register_undo("move", _undo_move, is_daily_work=True)
