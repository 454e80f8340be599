"""The demo's deals in two pipelines, with the moves that brought each where it stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import translation

from chat.demo.content import read
from crm.core.permissions import Principal, SystemPrincipal
from crm.customers.models import Company, Customer
from crm.deals.models import Deal, DealMove, LostReason, Pipeline, Stage, Status
from crm.deals.services import create_deal, create_pipeline
from crm.organizations.models import ExchangeRate, Membership, Organization, User


@transaction.atomic
def load_deals(
    organization: Organization, file: str, people: Mapping[str, User], now: datetime
) -> int:
    """Create the deals of a file unless the organization has any. Return how many were."""
    if Deal.objects.filter(organization=organization).exists():
        return 0
    told = read(file)
    for currency, each in told["rates"].items():
        ExchangeRate.objects.get_or_create(
            organization=organization,
            currency=currency,
            valid_from=(now - timedelta(days=each["ago"])).date(),
            defaults={"rate": Decimal(each["rate"])},
        )
    stages = _load_pipelines(organization, told["pipelines"])
    for wanted in told["deals"]:
        _load_deal(organization, wanted, stages[wanted["pipeline"]], told, people, now)
    return len(told["deals"])


def _load_pipelines(
    organization: Organization, wanted: Sequence[Mapping[str, Any]]
) -> dict[str, list[Stage]]:
    """Return the stages by the key of their pipeline; the first one is there with the shop."""
    found: dict[str, list[Stage]] = {}
    by = SystemPrincipal(organization.pk)
    theirs = Pipeline.objects.filter(organization=organization)
    for each in wanted:
        pipeline = theirs.order_by("position", "pk").first()
        if "name" in each:
            with translation.override(organization.language_code):
                pipeline = create_pipeline(by=by, name=each["name"])
        stages = list(Stage.objects.filter(pipeline=pipeline).order_by("position", "pk"))
        for stage, days in zip(stages, each["rotting_days"], strict=True):
            stage.rotting_days = days
            stage.save()
        found[each["key"]] = stages
    return found


def _load_deal(
    organization: Organization,
    wanted: Mapping[str, Any],
    stages: Sequence[Stage],
    told: Mapping[str, Any],
    people: Mapping[str, User],
    now: datetime,
) -> None:
    maker = Membership.objects.get(organization=organization, user=people[wanted["owner"]])
    due = wanted["due"]
    path = [(stages[place], now - timedelta(days=ago)) for place, ago in wanted["path"]]
    (_first, began), (last, entered) = path[0], path[-1]
    is_lost = last.kind == Status.LOST
    deal = create_deal(
        # Created by its owner, who need not be notified of it; any role may own one.
        by=_writer(organization, maker),
        name=wanted["name"],
        amount=wanted["amount"] and Decimal(wanted["amount"]),
        currency=wanted["currency"],
        stage_id=last.pk,
        customer_id=_customer(organization, wanted.get("customer")),
        owner_id=maker.user_id,
        expected_on=None if due is None else (now + timedelta(days=due)).date(),
        lost_reason_id=_reason(organization, told, wanted["reason"]) if is_lost else None,
        **_company(organization, wanted.get("company")),
    )
    # What happened before today.
    Deal.objects.filter(pk=deal.pk).update(
        created_at=began,
        updated_at=entered,
        stage_changed_at=entered,
        closed_at=None if last.kind == Status.OPEN else entered,
        rots_at=last.rots_at(entered),
    )
    DealMove.objects.filter(deal=deal).delete()
    DealMove.objects.bulk_create(
        DealMove(
            organization=organization,
            deal=deal,
            from_stage_id=before.pk if before else None,
            from_name=before.name if before else "",
            from_status=before.kind if before else "",
            to_stage_id=stage.pk,
            to_name=stage.name,
            to_status=stage.kind,
            actor_name=maker.actor_name,
            amount_base=deal.amount_base,
            at=at,
        )
        for before, (stage, at) in zip([None, *(stage for stage, _at in path)], path, strict=False)
    )


def _writer(organization: Organization, maker: Membership) -> Principal:
    return maker if maker.may(Deal.area) else SystemPrincipal(organization.pk)


def _customer(organization: Organization, email: str | None) -> UUID | None:
    found = Customer.objects.filter(organization=organization, email=email) if email else None
    return found.values_list("pk", flat=True).first() if found is not None else None


def _company(organization: Organization, key: str | None) -> dict[str, UUID | None]:
    """Return the company that is named; without one, it is the customer's."""
    names = {each["key"]: each["name"] for each in read("companies.json")}
    companies: Any = Company.objects
    found = companies.filter(organization=organization, name=names.get(key or ""))
    return {"company_id": found.values_list("pk", flat=True).first()} if key else {}


def _reason(organization: Organization, told: Mapping[str, Any], key: str) -> UUID | None:
    """Return the reason; those of the shop are there in the file's order."""
    theirs = LostReason.objects.filter(organization=organization)
    ids = theirs.order_by("position", "pk").values_list("pk", flat=True)
    return dict(zip(told["reasons"], ids, strict=False)).get(key)
