"""Exchange rates as a record of the kit."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.money import currency_choices
from crm.core.permissions import Module
from crm.core.records import BuiltInView, ChoiceField, DateField, DecimalField, MomentField, Record
from crm.organizations.models import ExchangeRate
from crm.organizations.services.currencies import today_of


def _search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    return found.filter(currency=text.upper())


EXCHANGE_RATES = Record(
    slug="exchange-rates",
    model=ExchangeRate,
    area=Module.SETTINGS,
    icon="coin",
    fields=(
        ChoiceField(name="currency", options=currency_choices),
        DecimalField(
            name="rate",
            help_text=_("What one unit of the currency is worth in the organization's own one."),
        ),
        DateField(name="valid_from", is_sortable=True),
        MomentField(name="updated_at", label=_("changed")),
    ),
    columns=("currency", "rate", "valid_from"),
    order="-valid_from",
    title="title",
    search=_search,
    form=("currency", "rate", "valid_from"),
    initial=lambda by: {"valid_from": today_of(by.organization_id)},
    path="app/settings/exchange-rates/",
    namespace="organizations:exchange_rates",
    is_setting=True,
    has_initials=False,
    has_timeline=True,
    new_label=_("New exchange rate"),
    empty_text=_("Amounts in other currencies need a rate to be added up. Add the first one."),
    views=(BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),),
)
