"""Add and change deals."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from crm.core.errors import InvalidField
from crm.core.models.named import NAME_LENGTH
from crm.core.money import decimals_of, is_exact
from crm.core.permissions import WRITE, Principal, require
from crm.core.records.notices import notify_owner
from crm.core.records.services import check_values, locked_row, set_values
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.customers.models import Company
from crm.deals.models import Deal, DealMove, Pipeline, Stage, Status
from crm.organizations.services.currencies import base_currency, in_base


@transaction.atomic
def create_deal(*, by: Principal, **values: Any) -> Deal:
    """Add a deal, which belongs to its maker; without a stage, to the first one of its pipeline.

    Raise Forbidden, InvalidField with the field, and QuotaExceeded beyond the plan's text.
    """
    require(by, Deal.area, WRITE)
    deal = Deal(organization_id=by.organization_id, owner_id=by.user_id)
    deal.currency = values.pop("currency", "") or base_currency(by.organization_id)
    _fill(deal, by, values)
    deal.save(force_insert=True)
    require_room(by.organization_id)
    _record_move(deal, by, None)
    notify_owner(by, "deals", deal, by.user_id)
    return deal


@transaction.atomic
def update_deal(*, by: Principal, pk: UUID, version: int | None = None, **values: Any) -> Deal:
    """Change a deal; a stage takes it into its pipeline, and may close it.

    Raise DealNotFound, Forbidden, EditedMeanwhile, InvalidField with the field, and QuotaExceeded
    for a longer name beyond the plan's text.
    """
    deal = locked_row(Deal, by=by, pk=pk, version=version)
    assert isinstance(deal, Deal)  # noqa: S101  a row of that model
    stage, owner_id, size = deal.stage, deal.owner_id, typed_bytes(deal)
    _fill(deal, by, values)
    deal.save()
    require_room_for(deal, size)
    if deal.stage_id != stage.pk:
        _record_move(deal, by, stage)
    notify_owner(by, "deals", deal, owner_id)
    return deal


def _fill(deal: Deal, by: Principal, values: Mapping[str, Any]) -> None:
    given = dict(values)
    pipeline_id, stage_id = given.pop("pipeline_id", None), given.pop("stage_id", None)
    if stage_id or pipeline_id or deal._state.adding:
        deal.enter(_stage(deal, by, stage_id, pipeline_id))
    if given.get("lost_reason_id") and deal.status != Status.LOST:
        text = gettext("Only a deal that was lost has a reason for it.")
        raise InvalidField(text, extra={"field": "lost_reason_id"})
    is_sold_to_another = given.get("customer_id", deal.customer_id) != deal.customer_id
    has_other_worth = deal._state.adding or any(
        name in given and given[name] != getattr(deal, name) for name in ("amount", "currency")
    )
    set_values(deal, by, given)
    if is_sold_to_another and deal.company_id is None and "company_id" not in given:
        deal.company_id = _company_of(deal.customer_id, by)
    if has_other_worth:
        _set_base(deal)
    check_values(deal)


def _stage(deal: Deal, by: Principal, stage_id: UUID | None, pipeline_id: UUID | None) -> Stage:
    """Return the stage that was chosen, else where the deal stands or begins in the pipeline.

    Raise InvalidField where there is none, or the two do not belong together.
    """
    stages: Any = Stage.objects.visible_to(by).order_by("position", "pk")
    if stage_id:
        stage: Stage | None = stages.filter(pk=stage_id).first()
    elif pipeline_id is None or pipeline_id == deal.pipeline_id:
        first = Pipeline.objects.visible_to(by).order_by("position", "pk").first()
        within = deal.pipeline_id or (first.pk if first else None)
        stage = deal.stage if deal.stage_id else stages.filter(pipeline_id=within).first()
    else:
        stage = stages.filter(pipeline_id=pipeline_id).first()
    if stage is None:
        raise InvalidField(extra={"field": "stage_id" if stage_id else "pipeline_id"})
    if stage_id and pipeline_id and stage.pipeline_id != pipeline_id:
        text = gettext("This stage is one of another pipeline.")
        raise InvalidField(text, extra={"field": "stage_id"})
    return stage


def _set_base(deal: Deal) -> None:
    """Set the amount in the organization's currency. Raise InvalidField."""
    if deal.amount is None:
        deal.amount_base = None
        return
    if not is_exact(deal.amount, deal.currency):
        text = gettext("%(currency)s has at most %(count)d decimal places.")
        params = {"currency": deal.currency, "count": decimals_of(deal.currency)}
        raise InvalidField(text % params, extra={"field": "amount"})
    deal.amount_base = in_base(deal.amount, deal.currency, deal.organization_id)


def _company_of(customer_id: UUID | None, by: Principal) -> UUID | None:
    """Return the company that a customer works for, if it is visible."""
    companies: Any = Company.objects
    found = companies.visible_to(by).filter(customers=customer_id)
    pk: UUID | None = found.values_list("pk", flat=True).first() if customer_id else None
    return pk


def _record_move(deal: Deal, by: Principal, before: Stage | None) -> None:
    DealMove.objects.create(
        organization_id=deal.organization_id,
        deal=deal,
        from_stage_id=before.pk if before else None,
        from_name=before.name if before else "",
        from_status=before.kind if before else "",
        to_stage_id=deal.stage_id,
        to_name=deal.stage.name,
        to_status=deal.status,
        actor_name=by.actor_name[:NAME_LENGTH],
        amount_base=deal.amount_base,
        at=deal.stage_changed_at,
    )
