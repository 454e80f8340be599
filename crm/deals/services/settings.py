"""What services of pipelines and stages share: locked rows, their order, and their deals."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.translation import gettext

from crm.core.errors import InvalidField, NotFound
from crm.core.models.named import NAME_LENGTH
from crm.core.permissions import WRITE, Level, Principal, require
from crm.core.records.services import locked_row
from crm.core.versions import raised
from crm.deals.errors import PipelineInUse
from crm.deals.models import Deal, DealMove, SalesSetting, Stage, Status

# Deals that move at once when their stage is deleted.
MOST_MOVED = 10_000


def locked_setting(
    model: type[SalesSetting],
    missing: type[NotFound],
    *,
    by: Principal,
    pk: UUID,
    version: int | None,
) -> Any:
    """Return a locked row. Raise the error for a missing one, Forbidden and EditedMeanwhile."""
    try:
        return locked_row(model, by=by, pk=pk, version=version)
    except NotFound:
        raise missing from None


def next_position(rows: Sequence[SalesSetting]) -> int:
    return max((each.position for each in rows), default=0) + 1


def put_at(row: SalesSetting, others: Sequence[SalesSetting], position: int) -> None:
    """Store the positions of a row at the place ``position``, from 1 on, and of the others."""
    place = min(max(position, 1), len(others) + 1) - 1
    ordered = [*others[:place], row, *others[place:]]
    for number, each in enumerate(ordered, 1):
        if each.position != number:
            each.position = number
            rows = type(each)._base_manager.filter(pk=each.pk)
            rows.update(position=number, **raised(type(each)))
            each.refresh_from_db(fields=["version"])


def clear_stages(by: Principal, stage_ids: Collection[UUID], move_to: UUID | None) -> None:
    """Move the deals of locked stages to another one. Raise PipelineInUse where there are deals
    and no stage for them, or too many, Forbidden, and InvalidField for another stage.
    """
    deals = Deal.objects.filter(organization_id=by.organization_id, stage_id__in=stage_ids)
    count = deals[: MOST_MOVED + 1].count()
    if not count:
        return
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
    _move(deals, by, target)


def _move(deals: Any, by: Principal, target: Stage) -> None:
    """Move all these deals into a stage, each with a line in the ledger."""
    now = timezone.now()
    locked = deals.select_for_update(of=("self",)).select_related("stage").order_by("pk")
    DealMove.objects.bulk_create(
        (
            DealMove(
                organization_id=deal.organization_id,
                deal=deal,
                from_stage_id=deal.stage_id,
                from_name=deal.stage.name,
                from_status=deal.status,
                to_stage_id=target.pk,
                to_name=target.name,
                to_status=target.kind,
                actor_name=by.actor_name[:NAME_LENGTH],
                amount_base=deal.amount_base,
                at=now,
            )
            for deal in locked
        ),
        batch_size=1_000,
    )
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
