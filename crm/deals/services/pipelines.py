"""Add, change and delete pipelines, and what an organization begins with."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext, pgettext

from crm.core.models.named import NAME_LENGTH
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.records.services import check_values, delete_row, set_values
from crm.core.text.folding import search_key
from crm.deals.errors import PipelineInUse, PipelineNotFound, TooManyPipelines
from crm.deals.models import LostReason, Pipeline, Stage, StageKind
from crm.deals.services.moved_deals import clear_stages
from crm.deals.services.settings import locked_setting, next_position, put_at

AREA = Module.SETTINGS
MAX_PIPELINES = 50


@transaction.atomic
def create_default_pipeline(*, organization_id: UUID, language_code: str) -> Pipeline:
    """Add the first pipeline of a new organization, named in its language, and the usual reasons
    for losses.
    """
    with translation.override(language_code):
        pipeline = Pipeline.objects.create(
            organization_id=organization_id, name=pgettext("pipeline", "Sales")
        )
        _add_stages(pipeline)
        _add_reasons(organization_id)
    return pipeline


def _add_reasons(organization_id: UUID) -> None:
    names = (
        pgettext("lost deal", "Too expensive"),
        pgettext("lost deal", "Chose a competitor"),
        pgettext("lost deal", "Not the right time"),
        pgettext("lost deal", "The product does not fit"),
        pgettext("lost deal", "No answer"),
    )
    LostReason.objects.bulk_create(
        LostReason(
            organization_id=organization_id,
            name=name,
            sort_name=search_key(name)[:NAME_LENGTH],
            position=number,
        )
        for number, name in enumerate(names, 1)
    )


@transaction.atomic
def create_pipeline(*, by: Principal, **values: Any) -> Pipeline:
    """Add a pipeline with the usual stages. Raise Forbidden or InvalidField."""
    require(by, AREA, WRITE)
    theirs = locked_pipelines(by)
    if len(theirs) >= MAX_PIPELINES:
        raise TooManyPipelines
    pipeline = Pipeline(organization_id=by.organization_id)
    pipeline.position = next_position(theirs)
    set_values(pipeline, by, values)
    check_values(pipeline)
    pipeline.save(force_insert=True)
    _add_stages(pipeline)
    return pipeline


def _add_stages(pipeline: Pipeline) -> None:
    names = (
        (pgettext("stage", "New"), StageKind.OPEN, 10),
        (pgettext("stage", "Qualified"), StageKind.OPEN, 30),
        (pgettext("stage", "Proposal sent"), StageKind.OPEN, 50),
        (pgettext("stage", "Negotiation"), StageKind.OPEN, 70),
        (pgettext("stage", "Won"), StageKind.WON, 100),
        (pgettext("stage", "Lost"), StageKind.LOST, 0),
    )
    Stage.objects.bulk_create(
        Stage(
            organization_id=pipeline.organization_id,
            pipeline=pipeline,
            name=name,
            sort_name=search_key(name)[:NAME_LENGTH],
            kind=kind,
            probability=probability,
            position=number,
        )
        for number, (name, kind, probability) in enumerate(names, 1)
    )


@transaction.atomic
def update_pipeline(
    *, by: Principal, pk: UUID, version: int | None = None, **values: Any
) -> Pipeline:
    """Rename a pipeline, or move it to the ``position``, 1 for the first.

    Raise PipelineNotFound, Forbidden, EditedMeanwhile and InvalidField.
    """
    require(by, AREA, WRITE)
    theirs = locked_pipelines(by)
    row = locked_setting(Pipeline, PipelineNotFound, by=by, pk=pk, version=version)
    position = values.pop("position", None)
    set_values(row, by, values)
    check_values(row)
    row.save()
    if position is not None:
        put_at(row, [each for each in theirs if each.pk != pk], position)
    return row


@transaction.atomic
def delete_pipeline(
    *, by: Principal, pk: UUID, version: int | None = None, move_to: UUID | None = None
) -> UUID | None:
    """Delete a pipeline, but not the last one, after its deals went to the stage ``move_to`` of
    another one. Return the id for `undo`, which moves the deals back.

    Raise PipelineNotFound, Forbidden, EditedMeanwhile, InvalidField for another stage, and
    PipelineInUse where a stage is needed.
    """
    require(by, AREA, WRITE)
    # Of two who delete the last two at once, one finds the other's gone.
    theirs = locked_pipelines(by)
    row = locked_setting(Pipeline, PipelineNotFound, by=by, pk=pk, version=version)
    if all(each.pk == pk for each in theirs):
        raise PipelineInUse(gettext("This is the only pipeline. Add another one first."))
    stages = Stage.objects.select_for_update().filter(pipeline=row).order_by("pk")
    moved = clear_stages(by, [each.pk for each in stages], move_to)
    return delete_row(Pipeline, by=by, pk=pk, undo_kind="stages", undo_data=moved)


def locked_pipelines(by: Principal) -> list[Pipeline]:
    """Return the pipelines of the organization in order, locked until the transaction ends: their
    stages are changed one after the other.
    """
    found = Pipeline.objects.select_for_update().filter(organization_id=by.organization_id)
    return sorted(found.order_by("pk"), key=lambda each: (each.position, each.pk))
