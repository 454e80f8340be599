"""Deals as a record of the kit."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.money import currency_choices
from crm.core.permissions import Module, Principal
from crm.core.records import (
    CHANGE_OWNER,
    Board,
    BuiltInView,
    BulkAction,
    ChoiceField,
    DateField,
    ImportKey,
    MomentField,
    MoneyField,
    OwnerField,
    Record,
    RecordField,
    RelationField,
    TextField,
    prefix_search,
)
from crm.core.records.services import delete_row
from crm.deals.errors import DealNotFound
from crm.deals.models import Deal, DealMove, Stage
from crm.deals.services import create_deal, update_deal
from crm.organizations.services.currencies import base_currency

_BY_POSITION = ("position", "pk")


def _base(by: Principal) -> str:
    return base_currency(by.organization_id)


def _initial(by: Principal) -> Mapping[str, Any]:
    first = Stage.objects.visible_to(by).order_by("pipeline__position", "pipeline", "position")
    return {"currency": _base(by), "stage_id": first.values_list("pk", flat=True).first()}


def _of_status(key: str, label: Any) -> BuiltInView:
    return BuiltInView(key, label, {"all": [{"field": "status", "op": "in", "value": [key]}]})


DEALS = Record(
    slug="deals",
    place=20,
    model=Deal,
    area=Module.DEALS,
    icon="coin",
    fields=(
        TextField(name="name", is_sortable=True, sort_column="sort_name", folded="sort_name"),
        MoneyField(name="amount", units="amount_units", base=_base, is_sortable=True),
        ChoiceField(name="currency", options=currency_choices),
        RelationField(name="pipeline_id", order=_BY_POSITION),
        RelationField(
            name="stage_id",
            title="full_name",
            order=("pipeline__position", "position", "pk"),
            is_required=False,
        ),
        ChoiceField(name="status"),
        RecordField(
            name="customer_id", record="customers", title="display_name", page="customers:page"
        ),
        OwnerField(),
        DateField(name="expected_on", is_sortable=True, sort_column="sort_expected_on"),
        RelationField(name="lost_reason_id", order=_BY_POSITION),
        MomentField(name="stage_changed_at", is_sortable=True),
        MomentField(name="created_at", label=_("created"), is_sortable=True),
        MomentField(name="updated_at", label=_("changed"), is_sortable=True),
    ),
    columns=("name", "amount", "stage_id", "customer_id", "expected_on", "owner_id"),
    order="-created_at",
    title="name",
    search=prefix_search("sort_name"),
    form=(
        *("name", "amount", "currency", "stage_id", "customer_id"),
        *("expected_on", "lost_reason_id", "owner_id"),
    ),
    create=create_deal,
    update=update_deal,
    delete=partial(delete_row, Deal),
    initial=_initial,
    import_keys=(ImportKey(field="name"),),
    parts=(DealMove,),
    bulk=(
        CHANGE_OWNER,
        BulkAction(
            key="expected_on",
            label=_("Change the expected day"),
            icon="calendar",
            field="expected_on",
        ),
    ),
    board=Board(
        field="stage_id",
        group="pipeline_id",
        label="name",
        fields=("amount", "customer_id", "expected_on"),
        total="amount",
    ),
    has_timeline=True,
    new_label=_("New deal"),
    empty_text=_("Add the first sale that may come about, and move it from stage to stage."),
    not_found=DealNotFound,
    views=(
        _of_status("open", pgettext_lazy("deals", "Open")),
        _of_status("won", pgettext_lazy("deals", "Won")),
        _of_status("lost", pgettext_lazy("deals", "Lost")),
        BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),
    ),
)
