"""Add, change and delete stages of pipelines."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from crm.core.errors import InvalidField
from crm.core.permissions import WRITE, Principal, require
from crm.core.records.services import check_values, delete_row, set_values
from crm.deals.errors import PipelineInUse, PipelineNotFound, StageNotFound, TooManyStages
from crm.deals.models import Deal, Stage, Status
from crm.deals.services.moved_deals import clear_stages
from crm.deals.services.pipelines import AREA, locked_pipelines
from crm.deals.services.settings import locked_setting, next_position, put_at

MAX_STAGES = 30


@transaction.atomic
def create_stage(*, by: Principal, pipeline_id: UUID, **values: Any) -> Stage:
    """Add a stage to a pipeline, behind the others that are open, or at the ``position``.

    Raise PipelineNotFound, Forbidden, TooManyStages or InvalidField.
    """
    require(by, AREA, WRITE)
    if all(each.pk != pipeline_id for each in locked_pipelines(by)):
        raise PipelineNotFound
    others = _stages(pipeline_id)
    if len(others) >= MAX_STAGES:
        raise TooManyStages
    stage = Stage(organization_id=by.organization_id, pipeline_id=pipeline_id)
    position = values.pop("position", None)
    set_values(stage, by, values)
    stage.position = next_position(others)
    check_values(stage)
    stage.save(force_insert=True)
    is_open = [each for each in others if each.kind == "open"]
    if position is None and stage.kind == "open":
        position = len(is_open) + 1
    if position is not None:
        put_at(stage, others, position)
    return stage


@transaction.atomic
def update_stage(*, by: Principal, pk: UUID, version: int | None = None, **values: Any) -> Stage:
    """Change a stage; its outcome only while no deal stands in it. A ``position`` moves it among
    the others, 1 is the first.

    Raise StageNotFound, Forbidden, EditedMeanwhile, PipelineInUse and InvalidField.
    """
    require(by, AREA, WRITE)
    locked_pipelines(by)
    stage = locked_setting(Stage, StageNotFound, by=by, pk=pk, version=version)
    kind, position = stage.kind, values.pop("position", None)
    set_values(stage, by, values)
    others = [each for each in _stages(stage.pipeline_id) if each.pk != pk]
    if stage.kind != kind:
        _require_another(others, kind)
        if Deal.objects.filter(stage_id=pk).exists():
            text = gettext("Deals stand in this stage. Move them elsewhere first.")
            raise InvalidField(text, extra={"field": "kind"})
    check_values(stage)
    stage.save()
    if "rotting_days" in values:
        _let_rot(stage)
    if position is not None:
        put_at(stage, others, position)
    return stage


@transaction.atomic
def delete_stage(
    *, by: Principal, pk: UUID, version: int | None = None, move_to: UUID | None = None
) -> UUID | None:
    """Delete a stage, but not the last of its outcome, after its deals went to the stage
    ``move_to``. Return the id for `undo`, which moves the deals back.

    Raise StageNotFound, Forbidden, EditedMeanwhile, InvalidField for another stage, and
    PipelineInUse where a stage is needed.
    """
    require(by, AREA, WRITE)
    locked_pipelines(by)
    stage = locked_setting(Stage, StageNotFound, by=by, pk=pk, version=version)
    _require_another([each for each in _stages(stage.pipeline_id) if each.pk != pk], stage.kind)
    moved = clear_stages(by, [pk], move_to)
    return delete_row(Stage, by=by, pk=pk, undo_kind="stages", undo_data=moved)


def _let_rot(stage: Stage) -> None:
    """Store when the deals of a stage rot."""
    days = None if stage.rotting_days is None else timedelta(days=stage.rotting_days)
    rots_at = None if days is None else F("stage_changed_at") + days
    Deal.objects.filter(stage=stage, status=Status.OPEN).update(rots_at=rots_at)


def _stages(pipeline_id: UUID) -> list[Stage]:
    return list(Stage.objects.filter(pipeline_id=pipeline_id).order_by("position", "pk"))


def _require_another(others: list[Stage], kind: str) -> None:
    if all(each.kind != kind for each in others):
        text = gettext("A pipeline needs a stage for deals that are open, won and lost.")
        raise PipelineInUse(text)
