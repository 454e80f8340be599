"""Deals on the pages of a customer and of a company, and the stages on the page of a deal."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import WRITE, Principal, can_access
from crm.core.records import Panel, get_record, register_panel
from crm.core.records.panels import related_rows
from crm.customers.models import Company, Customer
from crm.deals.models import Deal, Stage, Status


def stages_of_deal(reader: Principal, deal: Deal) -> Mapping[str, Any]:
    """Return the stages of the deal's pipeline, to move it into, and how long it has been in its
    own one.
    """
    stages = Stage.objects.visible_to(reader).filter(pipeline=deal.pipeline_id)
    ordered = list(stages.order_by("position", "pk"))
    present = next((n for n, each in enumerate(ordered) if each.pk == deal.stage_id), -1)
    record, is_lost = get_record("deals"), deal.status == Status.LOST
    return {
        "deal": deal,
        "steps": [
            {
                "stage": each,
                "is_present": number == present,
                # From where a lost one was lost is told by its timeline.
                "is_past": number < present and each.kind == Status.OPEN and not is_lost,
            }
            for number, each in enumerate(ordered)
        ],
        "days": (timezone.now() - deal.stage_changed_at).days,
        "may_change": can_access(reader, Deal.area, WRITE, deal.owner_ids),
        "stage_url": f"{record.edit_url_of(deal)}?field=stage_id",
        "reason_url": f"{record.edit_url_of(deal)}?field=lost_reason_id"
        if is_lost and deal.lost_reason_id is None
        else "",
    }


def deals_of_customer(reader: Principal, customer: Customer) -> Mapping[str, Any] | None:
    """Return the deals with a customer; a new one begins with their company too."""
    filled = {"company_id": customer.company_id} if customer.company_id else {}
    return _deals(reader, {"customer_id": customer.pk}, filled)


def deals_of_company(reader: Principal, company: Company) -> Mapping[str, Any] | None:
    return _deals(reader, {"company_id": company.pk}, {})


def _deals(
    reader: Principal, refers: Mapping[str, Any], filled: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the deals that the reader may see, open ones first, then the last that were closed."""
    if not reader.may(Deal.area):
        return None
    record = get_record("deals")
    found = Deal.objects.visible_to(reader).filter(**refers).select_related("stage__pipeline")
    ordered = found.order_by(F("closed_at").desc(nulls_first=True), "-created_at", "-pk")
    context = related_rows(reader, record, ordered, refers, filled=filled)
    amount = record.field("amount")
    return {
        **context,
        # The list begins with open deals; all of them are meant.
        "list_url": f"{context['list_url']}&view=all",
        "deals": [
            {"row": row, "url": url, "amount": amount.value_of(row) if amount else None}
            for row, url in context["rows"]
        ],
    }


register_panel(
    Panel(
        slug="deals",
        key="stages",
        label=pgettext_lazy("pipeline", "Stage"),
        template="deals/_stages.html",
        context=stages_of_deal,
        rank=0,
    )
)
for _slug, _context, _rank in (
    ("customers", deals_of_customer, 15),
    ("companies", deals_of_company, 15),
):
    register_panel(
        Panel(
            slug=_slug,
            key="deals",
            label=_("Deals"),
            template="deals/_deals.html",
            context=_context,
            rank=_rank,
        )
    )
