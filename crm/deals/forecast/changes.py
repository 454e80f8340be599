"""What changed in the last days, what rots, and why deals were lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, Q, Sum, Value, When
from django.utils import timezone
from django.utils.translation import gettext

from crm.core.permissions import Principal
from crm.core.records import RelationField, get_record
from crm.core.records.periods import last_days
from crm.deals.forecast.figures import (
    Figure,
    Where,
    all_of,
    amount_of,
    condition,
    q_of,
    status_is,
)
from crm.deals.models import Deal, DealMove, Status

# Days, today included.
WEEK, QUARTER = "7", "90"


@dataclass(frozen=True, slots=True)
class LostReasonFigure:
    """What was lost for a reason; ``key`` is its id, "" for none."""

    key: str
    label: str
    figure: Figure
    # Of all that was lost, in percent of the number of deals.
    share: int


@dataclass(frozen=True, slots=True)
class Recent:
    """Figures by key: "open", "rotting", "overdue", and "new", "moved", "won" and "lost" of the
    last week. ``inflow`` is what came into the open pipeline in that week less what left it, by the
    amounts that deals had when they moved. ``unrated`` are open deals whose amounts have no rate.
    """

    figures: Mapping[str, Figure]
    inflow: Decimal
    lost_reasons: Sequence[LostReasonFigure]
    unrated: Mapping[str, Figure]


def recent_changes(reader: Principal, *, pipeline_id: UUID | None = None) -> Recent:
    """Return the figures of the deals that a reader may see, of one pipeline or of all."""
    within: Where = (
        condition("pipeline_id", "in", [str(pipeline_id)]) if pipeline_id is not None else {}
    )
    deals = Deal.objects.visible_to(reader)
    if pipeline_id:
        deals = deals.filter(pipeline_id=pipeline_id)
    return Recent(
        _figures(reader, deals, within),
        _inflow(deals),
        _lost_reasons(reader, deals, within),
        _unrated(deals, within),
    )


def _figures(reader: Principal, deals: Any, within: Where) -> dict[str, Figure]:
    today = timezone.localdate().isoformat()
    began = timezone.localtime(last_days(WEEK)).date().isoformat()
    is_open = status_is(Status.OPEN)
    filters = {
        "open": is_open,
        "rotting": all_of(is_open, condition("rots_at", "yes")),
        "overdue": all_of(is_open, condition("expected_on", "lt", today)),
        "new": condition("created_at", "last", WEEK),
        "moved": all_of(
            is_open,
            condition("stage_changed_at", "last", WEEK),
            condition("created_at", "lt", began),
        ),
        "won": all_of(status_is(Status.WON), condition("closed_at", "last", WEEK)),
        "lost": all_of(status_is(Status.LOST), condition("closed_at", "last", WEEK)),
    }
    conditions = {key: q_of(each, reader) for key, each in filters.items()}
    # Others are in none of the figures.
    since = last_days(WEEK)
    near = Q(status=Status.OPEN) | Q(closed_at__gte=since) | Q(created_at__gte=since)
    asked: dict[str, Any] = {}
    for key, q in conditions.items():
        asked[f"{key}_count"] = Count("pk", filter=q)
        asked[f"{key}_sum"] = Sum("amount_units", filter=q)
    found = deals.filter(near).order_by().aggregate(**asked)
    return {
        key: Figure(all_of(where, within), found[f"{key}_count"], amount_of(found[f"{key}_sum"]))
        for key, where in filters.items()
    }


def _inflow(deals: Any) -> Decimal:
    """Return by how much the moves of the week changed what is open."""
    sign = Case(
        When(Q(to_status=Status.OPEN) & ~Q(from_status=Status.OPEN), then=Value(1)),
        When(Q(from_status=Status.OPEN) & ~Q(to_status=Status.OPEN), then=Value(-1)),
        default=Value(0),
    )
    moves = DealMove.objects.filter(at__gte=last_days(WEEK), deal__in=deals)
    found = moves.order_by().aggregate(sum=Sum(F("amount_base") * sign))["sum"]
    return Decimal(found or 0)


def _lost_reasons(reader: Principal, deals: Any, within: Where) -> list[LostReasonFigure]:
    """Return the reasons of the last quarter of a year, the most frequent first."""
    lately = all_of(status_is(Status.LOST), condition("closed_at", "last", QUARTER))
    grouped = deals.filter(q_of(lately, reader)).order_by().values("lost_reason_id")
    rows = list(grouped.annotate(count=Count("pk"), sum=Sum("amount_units")))
    field = get_record("deals").field("lost_reason_id")
    assert isinstance(field, RelationField)  # noqa: S101  declared
    named = field.visible_to(reader).in_bulk([each["lost_reason_id"] for each in rows])
    whole = sum(each["count"] for each in rows)
    found = []
    for each in rows:
        pk = each["lost_reason_id"]
        reason = condition("lost_reason_id", "in", [str(pk)])
        if pk is None:
            reason = condition("lost_reason_id", "empty")
        where = all_of(lately, reason, within)
        found.append(
            LostReasonFigure(
                str(pk or ""),
                field.title_of(named[pk]) if pk in named else gettext("No reason given"),
                Figure(where, each["count"], amount_of(each["sum"])),
                round(100 * each["count"] / whole),
            )
        )
    return sorted(found, key=lambda each: (-each.figure.count, each.label))


def _unrated(deals: Any, within: Where) -> dict[str, Figure]:
    """Return open deals whose amounts have no rate, by currency; their amounts are their own."""
    unknown = deals.filter(status=Status.OPEN, amount__isnull=False, amount_base__isnull=True)
    grouped = unknown.order_by().values("currency").annotate(count=Count("pk"), sum=Sum("amount"))
    return {
        each["currency"]: Figure(
            all_of(
                status_is(Status.OPEN),
                condition("currency", "in", [each["currency"]]),
                condition("amount", "filled"),
                within,
            ),
            each["count"],
            each["sum"],
        )
        for each in grouped
    }
