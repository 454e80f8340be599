"""Add, change and delete pipelines and their stages."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext, pgettext

from crm.core.errors import InvalidField
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.records.services import check_values, delete_row, locked_row, set_values
from crm.deals.errors import PipelineInUse
from crm.deals.models import Deal, Pipeline, Stage, StageKind

AREA = Module.SETTINGS


@transaction.atomic
def create_default_pipeline(*, organization_id: UUID, language_code: str) -> Pipeline:
    """Add the first pipeline of a new organization, named in its language."""
    with translation.override(language_code):
        pipeline = Pipeline.objects.create(
            organization_id=organization_id, name=pgettext("pipeline", "Sales")
        )
        _add_stages(pipeline)
    return pipeline


@transaction.atomic
def create_pipeline(*, by: Principal, **values: Any) -> Pipeline:
    """Add a pipeline with the usual stages. Raise Forbidden or InvalidField."""
    require(by, AREA, WRITE)
    pipeline = Pipeline(organization_id=by.organization_id)
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
    """Rename or move a pipeline. Raise NotFound, Forbidden, EditedMeanwhile and InvalidField."""
    row = locked_row(Pipeline, by=by, pk=pk, version=version)
    assert isinstance(row, Pipeline)  # noqa: S101  a row of that model
    set_values(row, by, values)
    check_values(row)
    row.save()
    return row


@transaction.atomic
def create_stage(*, by: Principal, **values: Any) -> Stage:
    """Add a stage to a pipeline. Raise Forbidden or InvalidField."""
    require(by, AREA, WRITE)
    stage = Stage(organization_id=by.organization_id)
    set_values(stage, by, values)
    check_values(stage)
    stage.save(force_insert=True)
    return stage


@transaction.atomic
def delete_pipeline(*, by: Principal, pk: UUID, version: int | None = None) -> UUID | None:
    """Delete a pipeline without deals, but not the last one. Return the id for `undo`.

    Raise PipelineInUse, and what `delete_row` does.
    """
    require(by, AREA, WRITE)
    # Of two who delete the last two at once, one finds the other's gone.
    others = Pipeline.objects.select_for_update().filter(organization_id=by.organization_id)
    is_last = not any(each.pk != pk for each in others)
    if is_last or Deal.objects.filter(pipeline_id=pk).exists():
        raise PipelineInUse
    return delete_row(Pipeline, by=by, pk=pk, version=version)


@transaction.atomic
def update_stage(*, by: Principal, pk: UUID, version: int | None = None, **values: Any) -> Stage:
    """Change a stage; its pipeline and outcome only while no deal stands in it.

    Raise NotFound, Forbidden, EditedMeanwhile and InvalidField.
    """
    stage = locked_row(Stage, by=by, pk=pk, version=version)
    assert isinstance(stage, Stage)  # noqa: S101  a row of that model
    pipeline_id, kind = stage.pipeline_id, stage.kind
    set_values(stage, by, values)
    if (stage.pipeline_id, stage.kind) != (pipeline_id, kind):
        _require_another(pk, pipeline_id=pipeline_id, kind=kind)
        if Deal.objects.filter(stage_id=pk).exists():
            text = gettext("Deals stand in this stage. Move them elsewhere first.")
            field = "kind" if stage.kind != kind else "pipeline_id"
            raise InvalidField(text, extra={"field": field})
    check_values(stage)
    stage.save()
    return stage


@transaction.atomic
def delete_stage(*, by: Principal, pk: UUID, version: int | None = None) -> UUID | None:
    """Delete a stage without deals, but not the last of its outcome. Return the id for `undo`.

    Raise PipelineInUse, and what `delete_row` does.
    """
    stage = locked_row(Stage, by=by, pk=pk, version=version)
    assert isinstance(stage, Stage)  # noqa: S101  a row of that model
    _require_another(pk, pipeline_id=stage.pipeline_id, kind=stage.kind)
    if Deal.objects.filter(stage_id=pk).exists():
        raise PipelineInUse
    return delete_row(Stage, by=by, pk=pk, version=version)


def _require_another(pk: UUID, *, pipeline_id: UUID, kind: str) -> None:
    """Raise PipelineInUse unless the pipeline has another stage of this outcome."""
    # Of two who take away the last two at once, one finds the other's gone.
    Pipeline.objects.select_for_update().get(pk=pipeline_id)
    if not Stage.objects.filter(pipeline_id=pipeline_id, kind=kind).exclude(pk=pk).exists():
        raise PipelineInUse
