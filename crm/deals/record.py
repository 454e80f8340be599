"""Deals, and the reasons why they are lost, as records of the kit."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from crm.core.models.named import NAME_LENGTH
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
    NumberField,
    OwnerField,
    Record,
    RecordField,
    RelationField,
    TextField,
    prefix_search,
)
from crm.core.records.services import delete_row
from crm.core.text.folding import identity_key, search_key
from crm.customers.managers import NamedLikeQuerySet
from crm.deals.errors import DealNotFound
from crm.deals.fields import RotsField
from crm.deals.models import Deal, DealMove, DealWord, LostReason, Stage, Status
from crm.deals.services import create_deal, update_deal
from crm.organizations.services.currencies import base_currency

_BY_POSITION = ("position", "pk")


def _base(by: Principal) -> str:
    return base_currency(by.organization_id)


def _initial(by: Principal) -> Mapping[str, Any]:
    first = Stage.objects.visible_to(by).order_by("pipeline__position", "pipeline", "position")
    return {"currency": _base(by), "stage_id": first.values_list("pk", flat=True).first()}


def _mark(deal: Deal) -> str:
    """Return how long a deal that rots has been in its stage."""
    if not deal.is_rotting:
        return ""
    days = (timezone.now() - deal.stage_changed_at).days
    return ngettext("%(count)d day in this stage", "%(count)d days in this stage", days) % {
        "count": days
    }


def _asks(by: Principal) -> Mapping[str, str]:
    """Return what stages ask for: why a deal was lost."""
    if not LostReason.objects.visible_to(by).exists():
        return {}
    lost = Stage.objects.visible_to(by).filter(kind=Status.LOST)
    return {str(pk): "lost_reason_id" for pk in lost.values_list("pk", flat=True)}


def _lacks(deal: Deal | None) -> Collection[str]:
    """Return the reason, which a deal that was not lost does not have."""
    is_lost = deal is not None and deal.status == Status.LOST
    return () if is_lost else ("lost_reason_id",)


def _implies(by: Principal) -> Mapping[str, Mapping[str, str]]:
    """Return what the stage of a deal says of its status."""
    kinds = Stage.objects.visible_to(by).values_list("pk", "kind")
    return {str(pk): {"status": kind} for pk, kind in kinds}


def _of_status(key: str, label: Any) -> BuiltInView:
    return BuiltInView(key, label, {"all": [{"field": "status", "op": "in", "value": [key]}]})


def _search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    assert isinstance(found, NamedLikeQuerySet)  # noqa: S101  the manager of the model
    return found.named_like(text)


def _called(rows: QuerySet[Any], names: Collection[str]) -> QuerySet[Any]:
    return rows.filter(sort_name__in={search_key(name)[:NAME_LENGTH] for name in names})


DEALS = Record(
    slug="deals",
    place=20,
    model=Deal,
    area=Module.DEALS,
    icon="coin",
    fields=(
        TextField(name="name", is_sortable=True, sort_column="sort_name", folded="sort_name"),
        MoneyField(name="amount", units="amount_units", base=_base, is_sortable=True),
        ChoiceField(
            name="currency",
            options=currency_choices,
            also_called=("currency code", "ccy", "loại tiền", "mã tiền", "код валюты"),
            is_required=False,
        ),
        RelationField(name="pipeline_id", order=_BY_POSITION, is_audited=False),
        RelationField(
            name="stage_id",
            title="full_name",
            short_title="name",
            order=("pipeline__position", "position", "pk"),
            is_required=False,
            is_audited=False,
        ),
        ChoiceField(name="status", is_audited=False),
        RecordField(
            name="customer_id", record="customers", title="display_name", page="customers:page"
        ),
        RecordField(name="company_id", record="companies", page="companies:page"),
        OwnerField(),
        DateField(name="expected_on", is_sortable=True, sort_column="sort_expected_on"),
        RelationField(name="lost_reason_id", order=_BY_POSITION),
        RotsField(name="rots_at", is_audited=False),
        MomentField(name="stage_changed_at", is_sortable=True, is_audited=False),
        MomentField(name="closed_at", is_audited=False),
        MomentField(name="created_at", label=_("created"), is_sortable=True),
        MomentField(name="updated_at", label=_("changed"), is_sortable=True),
    ),
    columns=("name", "amount", "stage_id", "customer_id", "expected_on", "owner_id"),
    details=("stage_id", "amount", "customer_id"),
    order="-created_at",
    title="name",
    search=_search,
    form=(
        *("name", "amount", "currency", "stage_id", "customer_id", "company_id"),
        *("expected_on", "lost_reason_id", "owner_id"),
    ),
    create=create_deal,
    update=update_deal,
    delete=partial(delete_row, Deal),
    initial=_initial,
    lacks=_lacks,
    import_keys=(ImportKey(field="name", identity=identity_key, find=_called),),
    parts=(DealMove, DealWord),
    bulk=(
        BulkAction(key="stage", label=_("Move to a stage"), icon="columns", field="stage_id"),
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
        fields=("amount", "customer_id", "company_id", "expected_on"),
        total="amount",
        mark=_mark,
        asks=_asks,
        implies=_implies,
    ),
    more_pages=((_("Forecast"), "forecast"),),
    has_initials=False,
    has_timeline=True,
    new_label=_("New deal"),
    empty_text=_("Add the first sale that may come about, and move it from stage to stage."),
    follows=("lost_reason_id", "stage_changed_at", "rots_at", "closed_at"),
    not_found=DealNotFound,
    views=(
        _of_status("open", pgettext_lazy("deals", "Open")),
        BuiltInView(
            "mine",
            pgettext_lazy("deals", "Mine"),
            {
                "all": [
                    {"field": "status", "op": "in", "value": ["open"]},
                    {"field": "owner_id", "op": "in", "value": ["me"]},
                ]
            },
        ),
        BuiltInView(
            "rotting",
            pgettext_lazy("deals", "Rotting"),
            {"all": [{"field": "rots_at", "op": "yes"}]},
        ),
        _of_status("won", pgettext_lazy("deals", "Won")),
        _of_status("lost", pgettext_lazy("deals", "Lost")),
        BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),
    ),
)

LOST_REASONS = Record(
    slug="lost-reasons",
    model=LostReason,
    area=Module.SETTINGS,
    icon="alert-triangle",
    fields=(
        TextField(name="name", is_sortable=True, sort_column="sort_name", folded="sort_name"),
        NumberField(
            name="position",
            is_sortable=True,
            is_required=False,
            help_text=_("The lowest number is offered first."),
        ),
        MomentField(name="updated_at", label=_("changed")),
    ),
    columns=("name", "position", "updated_at"),
    order="position",
    title="name",
    search=prefix_search("sort_name"),
    form=("name", "position"),
    path="app/settings/lost-reasons/",
    namespace="deals:lost_reasons",
    is_setting=True,
    has_initials=False,
    new_label=_("New reason"),
    empty_text=_("Add reasons, and it can be counted why deals are lost."),
    views=(BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),),
)
