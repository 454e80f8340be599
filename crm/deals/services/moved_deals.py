"""The deals of a stage that is deleted: they move to another one, and back by the undo."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from crm.core.errors import InvalidField
from crm.core.models.named import NAME_LENGTH
from crm.core.permissions import WRITE, Level, Principal, require
from crm.core.records.services import restore_row
from crm.core.records.undo_values import as_json
from crm.core.undo.services import RESTORED, UndoResult, register_undo
from crm.core.versions import raised
from crm.deals.errors import PipelineInUse
from crm.deals.models import Deal, DealMove, LostReason, Stage, Status

# Deals that move at once when their stage is deleted.
MOST_MOVED = 10_000
_BATCH = 1_000
_MOMENTS = ("stage_changed_at", "closed_at", "rots_at")
# What a move changes, beside what follows from the stage.
_KEPT = ("stage_id", "lost_reason_id", *_MOMENTS)


def clear_stages(
    by: Principal, stage_ids: Collection[UUID], move_to: UUID | None
) -> dict[str, Any]:
    """Move the deals of locked stages to another one; return what `undo` needs to move them back.

    Raise PipelineInUse where there are deals and no stage for them, or too many, Forbidden, and
    InvalidField for another stage.
    """
    deals = Deal.objects.filter(organization_id=by.organization_id, stage_id__in=stage_ids)
    count = deals[: MOST_MOVED + 1].count()
    if not count:
        return {}
    if move_to is None:
        raise PipelineInUse
    if count > MOST_MOVED:
        raise PipelineInUse(gettext("Too many deals stand here. Move some from their list first."))
    # They are everybody's.
    require(by, Deal.area, WRITE, Level.ALL)
    targets = Stage.objects.visible_to(by).exclude(pk__in=stage_ids)
    target = targets.filter(pk=move_to).first()
    if target is None:
        raise InvalidField(extra={"field": "move_to"})
    return {"moved": _move(deals, by, target)}


def _move(deals: Any, by: Principal, target: Stage) -> dict[str, Any]:
    """Move all these deals into a stage, each with a line in the ledger; return what they were."""
    now = timezone.now()
    locked = list(deals.select_for_update(of=("self",)).select_related("stage").order_by("pk"))
    _record_moves(by, ((deal, deal.stage, target) for deal in locked), now)
    is_open, is_lost = target.kind == Status.OPEN, target.kind == Status.LOST
    # Those that were closed that way stay closed since then.
    kept = When(status=target.kind, then=F("closed_at"))
    deals.update(
        stage=target,
        pipeline_id=target.pipeline_id,
        closed_at=None if is_open else Case(kept, default=Value(now)),
        status=target.kind,
        stage_changed_at=now,
        rots_at=target.rots_at(now),
        **({} if is_lost else {"lost_reason": None}),
        **raised(Deal),
    )
    return {
        "to": str(target.pk),
        "at": now.isoformat(),
        "deals": {
            str(deal.pk): [as_json(getattr(deal, name)) for name in _KEPT] for deal in locked
        },
    }


def _move_back(by: Principal, moved: Mapping[str, Any]) -> UndoResult:
    """Move the deals that were not moved since to the stages from which `clear_stages` took them.

    Raise Forbidden.
    """
    require(by, Deal.area, WRITE, Level.ALL)
    before, now = moved["deals"], timezone.now()
    there = Deal.objects.filter(
        organization_id=by.organization_id,
        stage_id=moved["to"],
        stage_changed_at=datetime.fromisoformat(moved["at"]),
    )
    locked = there.select_for_update(of=("self",)).select_related("stage").order_by("pk")
    deals = [deal for deal in locked if str(deal.pk) in before]
    ours = {"organization_id": by.organization_id}
    stages = {str(each.pk): each for each in Stage.objects.filter(**ours)}
    reasons = set(map(str, LostReason.objects.filter(**ours).values_list("pk", flat=True)))
    moves = []
    for deal in deals:
        kept = dict(zip(_KEPT, before[str(deal.pk)], strict=True))
        stage, reason_id = stages[kept["stage_id"]], kept["lost_reason_id"]
        moves.append((deal, deal.stage, stage))
        deal.stage, deal.pipeline_id, deal.status = stage, stage.pipeline_id, stage.kind
        # A reason that is gone stays away.
        deal.lost_reason_id = UUID(reason_id) if reason_id in reasons else None
        for name in _MOMENTS:
            setattr(deal, name, kept[name] and datetime.fromisoformat(kept[name]))
        for name, value in raised(Deal).items():
            setattr(deal, name, value)
    _record_moves(by, moves, now)
    columns = ["stage", "pipeline", "status", "lost_reason", *_MOMENTS, *raised(Deal)]
    Deal.objects.bulk_update(deals, columns, batch_size=_BATCH)
    return _result(len(deals), len(before) - len(deals))


def _result(done: int, left: int) -> UndoResult:
    text = ngettext(
        "It is back, with %(count)d deal.", "It is back, with %(count)d deals.", done
    ) % {"count": done}
    if left:
        kept = ngettext(
            "%(count)d deal was moved since, and stays where it is.",
            "%(count)d deals were moved since, and stay where they are.",
            left,
        )
        text = f"{text} {kept % {'count': left}}"
    return UndoResult(text, 1 + done, left)


def _record_moves(by: Principal, moves: Iterable[tuple[Deal, Stage, Stage]], at: datetime) -> None:
    """Write a line into the ledger for each deal that moves from a stage to another one."""
    DealMove.objects.bulk_create(
        (
            DealMove(
                organization_id=deal.organization_id,
                deal=deal,
                from_stage_id=before.pk,
                from_name=before.name,
                from_status=before.kind,
                to_stage_id=after.pk,
                to_name=after.name,
                to_status=after.kind,
                actor_name=by.actor_name[:NAME_LENGTH],
                amount_base=deal.amount_base,
                at=at,
            )
            for deal, before, after in moves
        ),
        batch_size=_BATCH,
    )


def _restore_stages(by: Principal, data: dict[str, Any]) -> UndoResult:
    """Restore a stage, or a pipeline with its stages, and the deals that stood there."""
    restore_row(by, data)
    return _move_back(by, data["moved"]) if "moved" in data else UndoResult(gettext(RESTORED))


register_undo("stages", _restore_stages, is_daily_work=True)
