"""Amounts of money: currencies, rounding, what people type, and how it is shown.

An amount is a `Decimal` with a currency (ISO 4217). It is stored as numeric(20, 4), and beside it
in `UNITS` of a ten-thousandth as a bigint: row-level security lets an index serve comparisons of
integers, and none of numerics.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_currency, format_decimal, get_currency_name, get_currency_precision
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Cast
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext_lazy

from crm.core.text.normal_forms import normalize_form
from crm.core.text.normalization import normalize_line

UNITS = 10_000
PLACES = 4
# In units it fits a bigint. PostgreSQL sums bigints as numerics.
MAX_AMOUNT = Decimal(10) ** 14
DEFAULT_CURRENCY = "USD"
# In use today, with at most two decimal places.
# fmt: off
CURRENCIES = (
    "AED", "AMD", "AUD", "AZN", "BDT", "BGN", "BRL", "BYN", "CAD", "CHF", "CNY", "CZK",
    "DKK", "EGP", "EUR", "GBP", "GEL", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KES",
    "KGS", "KHR", "KRW", "KZT", "LAK", "LKR", "MDL", "MMK", "MNT", "MXN", "MYR", "NGN",
    "NOK", "NPR", "NZD", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK",
    "SGD", "THB", "TJS", "TMT", "TRY", "TWD", "UAH", "USD", "UZS", "VND", "ZAR",
)
# fmt: on
# Signs that languages write for another country's currency too, instead of its code.
_SIGNS = {"KZT": "₸", "PHP": "₱", "RUB": "₽", "UAH": "₴", "VND": "₫"}
_DIGITS = re.compile(r"-?[0-9]+(?:[.,'][0-9]+)*", re.ASCII)
_BLANKS = re.compile(r"[\s_]")
_IDLE_PLACES = re.compile(r"\.0+")
_GROUP = 3


class InvalidAmount(ValueError):
    """The text is no amount."""


def currency_choices() -> list[tuple[str, str]]:
    """Return (code, "code – name") of all currencies, named in the language that is active when
    they are shown.
    """
    return [(code, _label(code)) for code in CURRENCIES]


def _label_of(code: str) -> str:
    return f"{code} – {get_currency_name(code, locale=_locale())}"


_label: Any = lazy(_label_of, str)


def decimals_of(currency: str) -> int:
    """Return how many decimal places amounts of a currency have."""
    return get_currency_precision(currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round to the places of a currency, ties away from zero."""
    return amount.quantize(Decimal(1).scaleb(-decimals_of(currency)), ROUND_HALF_UP)


def is_exact(amount: Decimal, currency: str) -> bool:
    """Return whether a currency has the amount's decimal places."""
    return rounded(amount, currency) == amount


def parse_amount(text: str) -> Decimal:
    """Parse an amount as people write it in any of the languages: 1200000, 1 200 000, 1.200.000,
    1,200,000.50, 1 200 000,5.

    A separator before exactly three last digits groups thousands, but not behind a zero: no listed
    currency has three decimal places. Raise InvalidAmount.
    """
    number = _parse(text, ".,")
    if abs(number) > MAX_AMOUNT or number != number.quantize(Decimal(1).scaleb(-PLACES)):
        raise InvalidAmount(text)
    return number


def parse_decimal(text: str) -> Decimal:
    """Parse a number as `parse_amount`, except that a separator before exactly three last digits
    groups thousands only if it does so in the active language. Raise InvalidAmount.
    """
    group = _locale().number_symbols["latn"]["group"]
    return _parse(text, group if group in ".," else "")


def _parse(text: str, groups: str) -> Decimal:
    plain = _BLANKS.sub("", normalize_form("NFKC", normalize_line(text))).replace("\u2212", "-")
    if not _DIGITS.fullmatch(plain):
        raise InvalidAmount(text)
    head, separator, end = _split(plain)
    if not separator:
        return Decimal(plain)
    if _is_grouping(plain, separator, head, end, groups):
        return Decimal(_grouped(plain, text))
    return Decimal(f"{_grouped(head, text)}.{end}")


def _split(plain: str) -> tuple[str, str, str]:
    """Return what stands before the last separator, that separator ("" for none), and the rest."""
    found = re.search(r"[.,'](?=[0-9]*\Z)", plain)
    return (plain[: found.start()], found[0], plain[found.end() :]) if found else (plain, "", "")


def _is_grouping(plain: str, separator: str, head: str, end: str, groups: str) -> bool:
    if separator == "'" or plain.count(separator) > 1:
        return True
    others = set(plain) & set(".,'") - {separator}
    is_group = len(end) == _GROUP and not head.lstrip("-").startswith("0")
    return is_group and separator in groups and not others


def _grouped(digits: str, text: str) -> str:
    """Return digits without the separators of their thousands. Raise InvalidAmount."""
    separators = set(digits) & set(".,'")
    if not separators:
        return digits
    first, *groups = re.split(r"[.,']", digits)
    is_odd = len(first.lstrip("-")) > _GROUP or any(len(group) != _GROUP for group in groups)
    if is_odd or len(separators) > 1:
        raise InvalidAmount(text)
    return first + "".join(groups)


def shown_amount(amount: Decimal, currency: str) -> str:
    """Return an amount with its currency's sign in the active language, without idle decimals."""
    exact, locale = rounded(amount, currency), _locale()
    pattern = locale.currency_formats["standard"].pattern
    if exact == exact.to_integral_value():
        pattern = _IDLE_PLACES.sub("", pattern)
    text = format_currency(exact, currency, pattern, locale=locale, currency_digits=False)
    return text.replace(currency, _SIGNS.get(currency, currency))


def shown_exactly(amount: Decimal, currency: str) -> str:
    """Return an amount as `shown_amount` does, with decimals that its currency has not."""
    if is_exact(amount, currency):
        return shown_amount(amount, currency)
    locale = _locale()
    text = format_currency(amount.normalize(), currency, locale=locale, decimal_quantization=False)
    return text.replace(currency, _SIGNS.get(currency, currency))


def shown_number(amount: Decimal) -> str:
    """Return an amount with grouped digits in the active language, as a form shows it."""
    return format_decimal(amount.normalize() + 0, locale=_locale(), decimal_quantization=False)


def _locale() -> Locale:
    return Locale.parse((get_language() or "en").partition("-")[0])


def check_amount(amount: Decimal) -> None:
    """Raise ValidationError for an amount that is too large to be stored."""
    if abs(amount) > MAX_AMOUNT:
        raise ValidationError(gettext_lazy("Write at most 100,000,000,000,000."), code="too_large")


class AmountField(models.DecimalField):
    """A column with an amount of money that is not negative."""

    default_validators = [MinValueValidator(Decimal(0)), check_amount]

    def __init__(self, *args: Any, **options: Any) -> None:
        options["max_digits"], options["decimal_places"] = 20, PLACES
        super().__init__(*args, **options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        del options["max_digits"], options["decimal_places"]
        return name, path, args, options


class CurrencyField(models.CharField):
    """A column with the code of a currency."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options["max_length"] = 3
        super().__init__(*args, **options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        del options["max_length"]
        return name, path, args, options


def units_of(column: str) -> models.GeneratedField:
    """Return a generated column with the amount of another one in `UNITS`, 0 for none."""
    amount = models.functions.Coalesce(models.F(column), Decimal(0))
    return models.GeneratedField(
        expression=Cast(amount * UNITS, models.BigIntegerField()),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
