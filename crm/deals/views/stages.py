"""Pages of the stages of a pipeline."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once, once_adding
from crm.core.permissions import Principal
from crm.core.permissions.requests import member_required
from crm.deals.errors import StageNotFound
from crm.deals.forms import StageForm
from crm.deals.models import Deal, Stage, StageKind
from crm.deals.services import create_stage, delete_stage, update_stage
from crm.deals.views.pipelines import (
    form_response,
    place_of,
    removal_response,
    visible_pipeline,
    writer_of,
)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once_adding
def new_stage(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    writer = writer_of(request)
    pipeline = visible_pipeline(writer, pipeline_id)
    initial = {"kind": StageKind.OPEN, "probability": 50}
    form = StageForm(request.POST or None, initial=initial)

    def save(values: Mapping[str, Any]) -> HttpResponse:
        create_stage(by=writer, pipeline_id=pipeline.pk, **values)
        messages.success(request, _("Saved."))
        return redirect("deals:pipeline", pipeline.pk)

    return form_response(request, form, save, "deals/stage.html", {"pipeline": pipeline})


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def stage(request: HttpRequest, stage_id: UUID) -> HttpResponse:
    writer = writer_of(request)
    shown = _visible_stage(writer, stage_id)
    form = StageForm(request.POST or None, initial=StageForm.initial_of(shown), record=shown)

    def save(values: Mapping[str, Any]) -> HttpResponse:
        version = version_of(request)
        changed = {name: values[name] for name in form.changed_data}
        update_stage(by=writer, pk=shown.pk, version=version, **changed)
        messages.success(request, _("Saved."))
        return redirect("deals:pipeline", shown.pipeline_id)

    context = {"pipeline": shown.pipeline, "stage": shown}
    return form_response(request, form, save, "deals/stage.html", context)


@require_POST
@never_cache
@member_required
@once
def place_stage(request: HttpRequest, stage_id: UUID) -> HttpResponse:
    """Move a stage to a place among the others."""
    writer = writer_of(request)
    shown = _visible_stage(writer, stage_id)
    update_stage(by=writer, pk=shown.pk, position=place_of(request))
    return redirect("deals:pipeline", shown.pipeline_id)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_stage(request: HttpRequest, stage_id: UUID) -> HttpResponse:
    """Ask where the deals of a stage go, and delete it."""
    writer = writer_of(request)
    shown = _visible_stage(writer, stage_id)
    return removal_response(
        request,
        shown,
        deals=Deal.objects.filter(organization_id=writer.organization_id, stage=shown),
        targets=Stage.objects.visible_to(writer).exclude(pk=shown.pk),
        remove=partial(delete_stage, by=writer, pk=shown.pk),
        back="deals:pipeline",
        back_ids=(shown.pipeline_id,),
        gone=_("The stage is gone."),
    )


def _visible_stage(reader: Principal, stage_id: UUID) -> Stage:
    """Return a stage. Raise StageNotFound."""
    found: Stage | None = Stage.objects.visible_to(reader).filter(pk=stage_id).first()
    if found is None:
        raise StageNotFound
    return found
