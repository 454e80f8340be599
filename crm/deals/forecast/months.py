"""Open deals by the month in which they are expected, and what was won in this one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext

from crm.core.permissions import Principal
from crm.core.records import RelationField, get_record
from crm.core.records.fields import MAX_VALUES
from crm.core.records.owner_field import NOBODY
from crm.deals.forecast.figures import (
    COMMIT_FROM,
    Figure,
    Measure,
    Where,
    all_of,
    amount_of,
    condition,
    q_of,
    status_is,
)
from crm.deals.models import Deal, Stage, Status

# This month and those that follow.
MONTHS = 6
_PERCENT = 100


class GroupBy(StrEnum):
    OWNER = "owner"
    STAGE = "stage"
    PIPELINE = "pipeline"

    @property
    def column(self) -> str:
        return f"{self.value}_id"


@dataclass(frozen=True, slots=True)
class Period:
    """A column: from a day on, and before another one; without both, deals without a day."""

    key: str
    start: date | None = None
    end: date | None = None

    def expected(self) -> dict[str, Any]:
        """Return the condition of deals that are expected in it."""
        if self.start is None and self.end is None:
            return condition("expected_on", "empty")
        return _between("expected_on", self.start, self.end)


@dataclass(frozen=True, slots=True)
class Row:
    """What the deals of an owner, a stage or a pipeline bring, by period; ``key`` is its id, ""
    for deals of nobody.
    """

    key: str
    label: str
    cells: Sequence[Figure]
    total: Figure


@dataclass(slots=True)
class _Sums:
    """The sums of a cell."""

    count: int = 0
    amount: Decimal = Decimal(0)

    def add(self, count: int, amount: Decimal) -> None:
        self.count += count
        self.amount += amount


@dataclass(frozen=True, slots=True)
class Forecast:
    """A table of figures: a row for each group that has deals, a column for each period."""

    periods: Sequence[Period]
    rows: Sequence[Row]
    totals: Sequence[Figure]
    total: Figure


@dataclass(slots=True)
class _Table:
    """The sums by the id of a group and the key of a period."""

    cells: dict[tuple[Any, str], _Sums] = field(default_factory=lambda: defaultdict(_Sums))

    def figure(self, where: Where, keys: Sequence[Any], periods: Sequence[Period]) -> Figure:
        found = [self.cells.get((key, each.key)) for key in keys for each in periods]
        sums = [each for each in found if each]
        return Figure(
            where,
            sum(each.count for each in sums),
            sum((each.amount for each in sums), Decimal(0)),
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for; open deals must hold any of the conditions ``counted_on``."""

    periods: Sequence[Period]
    measure: Measure
    within: Where
    counted_on: Sequence[Where]

    @property
    def this_month(self) -> Period:
        return next(each for each in self.periods if each.start and each.end)

    def where(self, groups: Where, among: Sequence[Period]) -> Where:
        """Return the filter of the deals of some groups in one period, or in all of them."""
        days = among[0].expected() if len(among) == 1 else {}
        common = (groups, self.within)
        found = [all_of(status_is(Status.OPEN), each, days, *common) for each in self.counted_on]
        if self.measure == Measure.COMMITTED and self.this_month in among:
            found.append(all_of(_won(self.this_month), *common))
        return found[0] if len(found) == 1 else {"any": found}


def forecast(
    reader: Principal,
    *,
    group_by: GroupBy = GroupBy.OWNER,
    measure: Measure = Measure.WEIGHTED,
    pipeline_id: UUID | None = None,
) -> Forecast:
    """Return the forecast of the deals that a reader may see, of one pipeline or of all."""
    periods = periods_from(timezone.localdate())
    deals = Deal.objects.visible_to(reader)
    within: Where = {}
    if pipeline_id:
        deals = deals.filter(pipeline_id=pipeline_id)
        within = condition("pipeline_id", "in", [str(pipeline_id)])
    asked = _Asked(periods, measure, within, _counted_on(reader, measure))
    table = _Table()
    _add_open(table, deals, periods, group_by, measure)
    if measure == Measure.COMMITTED:
        _add_won(table, deals.filter(q_of(_won(asked.this_month), reader)), asked, group_by)
    keys = list({key for key, _period in table.cells})
    rows = []
    for key, label in _labels(reader, group_by, keys):
        theirs = _group_is(group_by, key)
        cells = [table.figure(asked.where(theirs, [each]), [key], [each]) for each in periods]
        total = table.figure(asked.where(theirs, periods), [key], periods)
        rows.append(Row(str(key or ""), label, cells, total))
    return Forecast(
        periods,
        rows,
        [table.figure(asked.where({}, [each]), keys, [each]) for each in periods],
        table.figure(asked.where({}, periods), keys, periods),
    )


def periods_from(today: date) -> list[Period]:
    """Return what is overdue, the months from this one on, later ones, and no day at all."""
    starts = [_month(today, number) for number in range(MONTHS + 1)]
    months = [Period(f"{start:%Y-%m}", start, end) for start, end in pairwise(starts)]
    return [
        Period("earlier", None, starts[0]),
        *months,
        Period("later", starts[-1], None),
        Period("none"),
    ]


def _month(day: date, ahead: int) -> date:
    number = day.year * 12 + day.month - 1 + ahead
    return date(number // 12, number % 12 + 1, 1)


def _between(column: str, start: date | None, end: date | None) -> dict[str, Any]:
    return all_of(
        condition(column, "gte", start.isoformat()) if start else {},
        condition(column, "lt", end.isoformat()) if end else {},
    )


def _won(month: Period) -> dict[str, Any]:
    return all_of(status_is(Status.WON), _between("closed_at", month.start, month.end))


def _counted_on(reader: Principal, measure: Measure) -> list[Where]:
    """Return the conditions of open deals that are counted on, of which any must hold."""
    if measure != Measure.COMMITTED:
        return [{}]
    stages = Stage.objects.visible_to(reader).filter(kind=Status.OPEN, probability__gte=COMMIT_FROM)
    ids = [str(pk) for pk in stages.order_by("pk").values_list("pk", flat=True)]
    parts: list[Where] = [
        condition("stage_id", "in", ids[start : start + MAX_VALUES])
        for start in range(0, len(ids), MAX_VALUES)
    ]
    # Each deal has a stage.
    return parts or [condition("stage_id", "empty")]


def _add_open(
    table: _Table,
    deals: "QuerySet[Any]",
    periods: Sequence[Period],
    group_by: GroupBy,
    measure: Measure,
) -> None:
    found = deals.filter(status=Status.OPEN)
    if measure == Measure.COMMITTED:
        found = found.filter(stage__probability__gte=COMMIT_FROM)
    is_weighted = measure == Measure.WEIGHTED
    units = F("amount_units") * F("stage__probability") if is_weighted else F("amount_units")
    grouped = found.order_by().values(group_by.column, month=TruncMonth("expected_on"))
    for each in grouped.annotate(count=Count("pk"), sum=Sum(units)):
        key = (each[group_by.column], _period_of(periods, each["month"]).key)
        parts = _PERCENT if is_weighted else 1
        table.cells[key].add(each["count"], amount_of(each["sum"], parts=parts))


def _add_won(table: _Table, won: "QuerySet[Any]", asked: _Asked, group_by: GroupBy) -> None:
    grouped = won.order_by().values(group_by.column)
    for each in grouped.annotate(count=Count("pk"), sum=Sum("amount_units")):
        key = (each[group_by.column], asked.this_month.key)
        table.cells[key].add(each["count"], amount_of(each["sum"]))


def _period_of(periods: Sequence[Period], month: date | None) -> Period:
    if month is None:
        return periods[-1]
    with_days = (each for each in periods if each.start or each.end)
    return next(
        each for each in with_days if (each.start or date.min) <= month < (each.end or date.max)
    )


def _group_is(group_by: GroupBy, key: UUID | None) -> dict[str, Any]:
    return condition(group_by.column, "in", [str(key) if key else NOBODY])


def _labels(
    reader: Principal, group_by: GroupBy, keys: Sequence[UUID | None]
) -> list[tuple[UUID | None, str]]:
    """Return the names of groups: pipelines and stages in their order, owners by name."""
    found = get_record("deals").field(group_by.column)
    assert isinstance(found, RelationField)  # noqa: S101  declared
    rows = found.visible_to(reader).filter(pk__in=[key for key in keys if key])
    labels = [(row.pk, found.title_of(row)) for row in rows.order_by(*found.order)]
    return [*labels, (None, gettext("Nobody"))] if None in keys else labels
