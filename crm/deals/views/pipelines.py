"""Pages of pipelines in the settings."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import AppError, InvalidField
from crm.core.fields import whole_number
from crm.core.form_guard.edits import EditForm, version_of
from crm.core.form_guard.idempotency import once, once_adding
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.undo.services import offer_undo
from crm.core.versions import NOT_DELETED, EditedMeanwhile, VersionedModel
from crm.deals.errors import PipelineNotFound
from crm.deals.forms import PipelineForm
from crm.deals.models import Deal, Pipeline, Stage
from crm.deals.services import create_pipeline, delete_pipeline, update_pipeline

PAGE: Mapping[str, Any] = {"active_section": "settings", "active_page": "pipelines"}


@never_cache
@member_required
@require_safe
def pipelines(request: HttpRequest) -> HttpResponse:
    """Render the pipelines with their stages and numbers of deals."""
    reader = reader_of(request)
    found = list(Pipeline.objects.visible_to(reader).order_by("position", "pk"))
    counts = deal_counts(reader)
    stages: dict[UUID, list[Stage]] = {each.pk: [] for each in found}
    for stage in Stage.objects.visible_to(reader).order_by("position", "pk"):
        stages[stage.pipeline_id].append(stage)
    rows = [
        {
            "pipeline": each,
            "stages": stages[each.pk],
            "count": sum(counts.get(stage.pk, 0) for stage in stages[each.pk]),
        }
        for each in found
    ]
    context = {**PAGE, "rows": rows, "may_change": reader.may(Module.SETTINGS, WRITE)}
    return render(request, "deals/pipelines.html", context)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once_adding
def new_pipeline(request: HttpRequest) -> HttpResponse:
    writer = writer_of(request)
    form = PipelineForm(request.POST or None)

    def save(values: Mapping[str, Any]) -> HttpResponse:
        made = create_pipeline(by=writer, **values)
        messages.success(request, _("Saved. These are the usual stages; make them yours."))
        return redirect("deals:pipeline", made.pk)

    return form_response(request, form, save, "deals/pipeline.html", {"may_change": True})


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def pipeline(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Render a pipeline with its stages, and rename it."""
    reader = writer_of(request) if request.method == "POST" else reader_of(request)
    shown = visible_pipeline(reader, pipeline_id)
    form = PipelineForm(request.POST or None, initial=PipelineForm.initial_of(shown), record=shown)

    def save(values: Mapping[str, Any]) -> HttpResponse:
        version = version_of(request)
        update_pipeline(by=reader, pk=shown.pk, version=version, **values)
        messages.success(request, _("Saved."))
        return redirect("deals:pipelines")

    counts = deal_counts(reader, pipeline_id=pipeline_id)
    stages = Stage.objects.visible_to(reader).filter(pipeline=shown).order_by("position", "pk")
    context = {
        "pipeline": shown,
        "stages": [(each, counts.get(each.pk, 0)) for each in stages],
        "is_last": not Pipeline.objects.visible_to(reader).exclude(pk=shown.pk).exists(),
        "may_change": reader.may(Module.SETTINGS, WRITE),
    }
    return form_response(request, form, save, "deals/pipeline.html", context)


@require_POST
@never_cache
@member_required
@once
def place_pipeline(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Move a pipeline to a place among the others."""
    writer = writer_of(request)
    shown = visible_pipeline(writer, pipeline_id)
    update_pipeline(by=writer, pk=shown.pk, position=place_of(request))
    return redirect("deals:pipelines")


def place_of(request: HttpRequest) -> int:
    return whole_number(request.POST.get("place", "")) or 1


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_pipeline(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Ask where the deals of a pipeline go, and delete it."""
    writer = writer_of(request)
    shown = visible_pipeline(writer, pipeline_id)
    return removal_response(
        request,
        shown,
        deals=Deal.objects.filter(organization_id=writer.organization_id, pipeline=shown),
        targets=Stage.objects.visible_to(writer).exclude(pipeline=shown),
        remove=partial(delete_pipeline, by=writer, pk=shown.pk),
        back="deals:pipelines",
        gone=_("The pipeline is gone."),
    )


def reader_of(request: HttpRequest) -> Principal:
    reader = principal_of(request)
    require(reader, Module.SETTINGS)
    return reader


def writer_of(request: HttpRequest) -> Principal:
    writer = principal_of(request)
    require(writer, Module.SETTINGS, WRITE)
    return writer


def visible_pipeline(reader: Principal, pipeline_id: UUID) -> Pipeline:
    """Return a pipeline. Raise PipelineNotFound."""
    found: Pipeline | None = Pipeline.objects.visible_to(reader).filter(pk=pipeline_id).first()
    if found is None:
        raise PipelineNotFound
    return found


def deal_counts(reader: Principal, **within: UUID) -> dict[UUID, int]:
    """Return the number of all deals in each stage, whoever owns them."""
    deals = Deal.objects.filter(organization_id=reader.organization_id, **within).order_by()
    return dict(deals.values_list("stage_id").annotate(count=Count("pk")))


def form_response(
    request: HttpRequest,
    form: EditForm,
    save: Callable[[Mapping[str, Any]], HttpResponse],
    template: str,
    context: Mapping[str, Any],
) -> HttpResponse:
    """Return what ``save`` returns for a valid form, else the page with the form."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return save(form.cleaned_data)
            except EditedMeanwhile as refusal:
                status = refusal.status
                _meet(form)
            except InvalidField as refusal:
                field = refusal.extra.get("field")
                errors = refusal.extra.get("errors") or {field: [refusal.message]}
                for name, sentences in errors.items():
                    form.add_error(name if name in form.fields else None, sentences)
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
    return render(request, template, {**PAGE, **context, "form": form}, status=status)


def _meet(form: Any) -> None:
    record: VersionedModel = form.record
    record.refresh_from_db()
    form.meet(record, form.initial_of(record))


def removal_response(
    request: HttpRequest,
    row: Any,
    *,
    deals: Any,
    targets: Any,
    remove: Callable[..., UUID | None],
    back: str,
    gone: str,
    back_ids: tuple[UUID, ...] = (),
) -> HttpResponse:
    """Return the page that asks where the deals go; for POST, delete the row.

    A refusal is said on the page again.
    """
    error, status = "", 200
    if request.method == "POST":
        try:
            move_to = _id(request.POST.get("move_to", ""))
            action_id = remove(version=version_of(request), move_to=move_to)
        except EditedMeanwhile as refusal:
            error, status = str(NOT_DELETED), refusal.status
        except AppError as refusal:
            error, status = refusal.message, refusal.status
        else:
            offer_undo(request, gone, action_id)
            return redirect(back, *back_ids)
    context = {
        **PAGE,
        "row": row,
        "count": deals.count(),
        "targets": targets.order_by("pipeline__position", "pipeline", "position", "pk"),
        "chosen": request.POST.get("move_to", ""),
        "back": back,
        "back_ids": back_ids,
        "error": error,
    }
    return render(request, "deals/removal.html", context, status=status)


def _id(text: str) -> UUID | None:
    """Parse what the select sent. Raise InvalidField."""
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise InvalidField(extra={"field": "move_to"}) from error
