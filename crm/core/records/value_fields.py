"""Fields of dates and of amounts of money."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.utils import formats
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.core.money import (
    PLACES,
    UNITS,
    InvalidAmount,
    check_amount,
    parse_amount,
    parse_decimal,
    shown_amount,
    shown_exactly,
    shown_number,
)
from crm.core.permissions import Principal
from crm.core.records.fields import Field, InvalidValue
from crm.core.records.operators import (
    DAY_DURING,
    DAYS_AHEAD,
    GTE,
    LT,
    NUMBER_GTE,
    NUMBER_LTE,
    SET,
    UNSET,
    Operator,
)
from crm.core.records.periods import (
    PERIODS,
    PERIODS_AHEAD,
    InvalidPeriod,
    days_of,
    days_until,
    parse_day,
    shown_days,
)
from crm.core.text.normalization import normalize_line

_CONTROL = {"class": "form-control", "autocomplete": "off"}
_ISO = "%Y-%m-%d"
# As `crm.core.moments` has it.
_RANGE = {"min": "1970-01-01", "max": "9998-12-30"}


class DayFormField(forms.DateField):
    """A date, by the browser's calendar; a file may have it as the user's language writes dates."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateInput(
            format=_ISO,
            attrs={**_CONTROL, "type": "date", "min": "1970-01-01", "max": "9998-12-30"},
        )
        super().__init__(**options, widget=widget)

    def shown_text(self, value: Any) -> str:
        """Return a day as the page shows it, also one that was submitted."""
        try:
            day = self.to_python(value)
        except ValidationError:
            return str(value)
        return "" if day is None else shown_day(day)

    def to_python(self, value: Any) -> date | None:
        self.input_formats = [_ISO, *formats.get_format("DATE_INPUT_FORMATS")]
        example = date(2026, 12, 24)
        text = gettext("Write a day, as %(iso)s or %(own)s.")
        self.error_messages["invalid"] = text % {
            "iso": example.isoformat(),
            "own": shown_day(example),
        }
        day = super().to_python(value)
        return None if day is None else check_day(day)


def check_day(day: date) -> date:
    """Return a date that can be stored. Raise ValidationError."""
    try:
        return parse_day(day.isoformat())
    except InvalidPeriod as error:
        raise ValidationError(gettext("Choose a day between the years 1970 and 9998.")) from error


class DayApiField(serializers.DateField):
    """A day as 2026-12-31; ISO 8601 has other forms, which are refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, input_formats=[_ISO])

    def to_internal_value(self, value: Any) -> date:
        try:
            return check_day(super().to_internal_value(value))
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error


@dataclass(frozen=True, kw_only=True)
class DateField(Field):
    """A day, of no time zone. One that may be NULL is sorted by a ``sort_column`` without NULL."""

    operators = (DAY_DURING, DAYS_AHEAD, GTE, LT, UNSET, SET)
    template = "records/cells/date.html"
    api_class = DayApiField
    sorts_up_first = True

    def _api_options(self) -> dict[str, Any]:
        return {"allow_null": self.column.null}

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        check = {"period": days_of, "days": days_until}.get(operator.takes)
        try:
            if check is None:
                return [parse_day(value) for value in values]
            for value in values:
                check(value)
        except InvalidPeriod as error:
            raise InvalidValue(str(error)) from error
        return list(values)

    def shown(self, operator: Operator, value: str) -> str:
        if operator.takes == "period":
            return str({**PERIODS, **PERIODS_AHEAD}.get(value, value))
        return shown_days(value) if operator.takes == "days" else shown_day(parse_day(value))

    def choices_of(self, operator: Operator) -> list[tuple[str, str]]:
        if operator.takes != "period":
            return []
        return [(name, str(label)) for name, label in {**PERIODS, **PERIODS_AHEAD}.items()]

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        return DayFormField(**self._form_options())


def shown_day(day: date) -> str:
    return formats.date_format(day, "DATE_FORMAT")


# An amount with a sign or a code before or behind it.
_CURRENCY_BESIDE = re.compile(r"[^\W\d]*[^\w\s\d.,]* ?-?[0-9][0-9.,' ]*[^\d]{0,8}")


class AmountFormField(forms.Field):
    """An amount as people write it in their language, with or without grouped thousands."""

    default_error_messages = {
        "invalid": gettext_lazy("Write an amount, as 1200 or 1200.50."),
        "with_currency": gettext_lazy(
            "Write the amount alone, as 1200 or 1200.50: the currency has its own field."
        ),
    }
    max_length = 40

    def __init__(self, **options: Any) -> None:
        attrs = {**_CONTROL, "inputmode": "decimal", "maxlength": str(self.max_length)}
        super().__init__(**options, widget=forms.TextInput(attrs=attrs))

    def to_python(self, value: Any) -> Decimal | None:
        if isinstance(value, Decimal) or value in self.empty_values:
            return value or None
        try:
            if len(text := normalize_line(value)) > self.max_length:
                raise InvalidAmount(text)
            return parse_amount(text)
        except InvalidAmount as error:
            code = "invalid"
            if isinstance(value, str) and _CURRENCY_BESIDE.fullmatch(normalize_line(value)):
                code = "with_currency"
            raise ValidationError(self.error_messages[code], code=code) from error

    def prepare_value(self, value: Any) -> Any:
        return shown_number(value) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != initial
        except ValidationError:
            return True


class DecimalApiField(serializers.DecimalField):
    """A number as a string, as "1200.5": JSON's numbers are not exact."""

    def to_representation(self, value: Any) -> str:
        return format(Decimal(value).normalize(), "f")


# With MAX_AMOUNT, which has fifteen digits.
@extend_schema_field(
    {"type": "string", "format": "decimal", "pattern": rf"^\d{{1,15}}(?:\.\d{{1,{PLACES}}})?$"}
)
class AmountApiField(DecimalApiField):
    """An amount of money."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=PLACES, **options)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, str) and "e" in data.lower():
            self.fail("invalid")
        amount: Decimal = super().to_internal_value(data)
        try:
            check_amount(amount)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return amount


class DecimalFormField(forms.DecimalField):
    """A number as the user's language writes it, with or without grouped thousands."""

    max_length = 40

    def __init__(self, **options: Any) -> None:
        attrs = {**_CONTROL, "inputmode": "decimal", "maxlength": str(self.max_length)}
        super().__init__(**options, widget=forms.TextInput(attrs=attrs))

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or value in self.empty_values:
            return super().to_python(value)
        try:
            if len(text := normalize_line(value)) > self.max_length:
                raise InvalidAmount(text)
            return parse_decimal(text)
        except InvalidAmount as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return shown_number(value) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


@dataclass(frozen=True, kw_only=True)
class DecimalField(Field):
    """A number with decimal places. No index serves comparisons of it, so no filter asks for it."""

    template = "records/cells/decimal.html"
    api_class = DecimalApiField

    def _api_options(self) -> dict[str, Any]:
        column: Any = self.column
        return {
            "max_digits": column.max_digits,
            "decimal_places": column.decimal_places,
            "allow_null": column.null,
        }

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if is_body:
            return super().api_field(is_body=True)
        return DecimalApiField(read_only=True, **self._api_options())

    def value_of(self, row: Model) -> Decimal | None:
        found: Decimal | None = getattr(row, self.name)
        return None if found is None else found.normalize() + 0

    def exported(self, row: Model) -> Decimal | None:
        return self.value_of(row)

    def initial_of(self, row: Model) -> Decimal | None:
        return self.value_of(row)

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        column: Any = self.column
        return DecimalFormField(
            **self._form_options(),
            max_digits=column.max_digits,
            decimal_places=column.decimal_places,
        )


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount with its currency, as cells show it."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return shown_amount(self.amount, self.currency)


@dataclass(frozen=True, kw_only=True)
class MoneyField(Field):
    """An amount of money; ``currency`` names the column with its currency.

    Filters compare, lists sort by, and boards sum ``units``: the generated column with the amount
    in one currency for all rows (`crm.core.money.units_of`), that which ``base(reader)`` returns.
    """

    operators = (
        replace(NUMBER_GTE, takes="amount"),
        replace(NUMBER_LTE, takes="amount"),
        UNSET,
        SET,
    )
    template = "records/cells/money.html"
    api_class = AmountApiField
    sorts_up_first = False

    base: Callable[[Principal], str]
    currency: str = "currency"
    units: str

    @property
    def edited_with(self) -> tuple[str, ...]:
        return (self.currency,)

    @property
    def orders_by(self) -> str:
        return self.units

    def _api_options(self) -> dict[str, Any]:
        return {"allow_null": self.column.null, "min_value": 0}

    def value_of(self, row: Model) -> Money | None:
        amount = getattr(row, self.name)
        if amount is None:
            return None
        return Money(amount=amount, currency=getattr(row, self.currency))

    def exported(self, row: Model) -> Decimal | None:
        amount: Decimal | None = getattr(row, self.name)
        return None if amount is None else amount.normalize() + 0

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [parse_amount(value) for value in values]
        except InvalidAmount as error:
            raise InvalidValue(str(error)) from error

    def q(self, operator: Operator, values: Sequence[str], reader: Principal) -> Q:
        parsed = self.parse(operator, values)
        if operator in {UNSET, SET}:
            return operator.build(self.name, parsed)
        in_units = operator.build(self.units, [int(value * UNITS) for value in parsed])
        # No amount is 0 units, and is none that is at most so much.
        return in_units & Q(**{f"{self.name}__isnull": False})

    def shown_values(
        self, operator: Operator, values: Sequence[str], reader: Principal
    ) -> list[str]:
        base = self.base(reader) if values else ""
        return [shown_exactly(parse_amount(value), base) for value in values]

    def total_formatter(self, reader: Principal) -> Callable[[Any], str]:
        base = self.base(reader)
        return lambda total: shown_amount(Decimal(total) / UNITS, base)

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        return AmountFormField(**self._form_options())
