"""The currency of an organization, and amounts of others in it."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from crm.core.errors import InvalidField
from crm.core.money import DEFAULT_CURRENCY, MAX_AMOUNT, rounded
from crm.core.timezones import zone_of
from crm.organizations.models import ExchangeRate, Language, Organization

_USUAL = {Language.VIETNAMESE: "VND", Language.RUSSIAN: "RUB"}


def usual_currency(language_code: str) -> str:
    """Return the currency of a new organization, by its language."""
    return _USUAL.get(Language(language_code), DEFAULT_CURRENCY)


def base_currency(organization_id: UUID) -> str:
    """Return the organization's own currency."""
    return Organization.objects.values_list("currency", flat=True).get(pk=organization_id)


def in_base(amount: Decimal, currency: str, organization_id: UUID) -> Decimal:
    """Return an amount in the organization's own currency, by today's rate.

    Raise InvalidField where no rate is known, or the amount is too large.
    """
    base = base_currency(organization_id)
    if currency == base:
        return amount
    rate = _rates(organization_id).filter(currency=currency).values_list("rate", flat=True).first()
    if rate is None:
        text = gettext(
            "There is no exchange rate of %(currency)s to %(base)s yet. Whoever manages the "
            "settings can add one."
        )
        params = {"currency": currency, "base": base}
        raise InvalidField(text % params, extra={"field": "currency"})
    found = rounded(amount * rate, base)
    if found > MAX_AMOUNT:
        raise InvalidField(gettext("This amount is too large."), extra={"field": "amount"})
    return found


def rates_of_today(organization_id: UUID) -> dict[str, Decimal]:
    """Return today's rate of each currency that has one."""
    newest = _rates(organization_id).order_by("currency", "-valid_from").distinct("currency")
    return dict(newest.values_list("currency", "rate"))


def _rates(organization_id: UUID) -> "QuerySet[ExchangeRate]":
    """Return the rates that are valid today where the organization is, the newest first."""
    found: QuerySet[ExchangeRate] = ExchangeRate.objects.filter(
        organization_id=organization_id, valid_from__lte=today_of(organization_id)
    )
    return found.order_by("-valid_from")


def today_of(organization_id: UUID) -> date:
    """Return the day that it is where the organization is."""
    zone = Organization.objects.values_list("timezone", flat=True).get(pk=organization_id)
    return timezone.localdate(timezone=zone_of(zone))


def require_no_rates(organization_id: UUID) -> None:
    """Raise InvalidField where exchange rates to the present currency are kept."""
    if ExchangeRate.objects.filter(organization_id=organization_id).exists():
        text = gettext("Delete the exchange rates first: they are rates to the present currency.")
        raise InvalidField(text, extra={"field": "currency"})
