"""Amounts as people write them, and as they are shown in each language."""

from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from crm.core.money import (
    CURRENCIES,
    MAX_AMOUNT,
    InvalidAmount,
    currency_choices,
    decimals_of,
    is_exact,
    parse_amount,
    parse_decimal,
    rounded,
    shown_amount,
    shown_number,
)
from crm.core.records.value_fields import AmountFormField, DayFormField, DecimalFormField, shown_day


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1200000", "1200000"),
        ("1 200 000", "1200000"),
        ("1\u00a0200\u202f000", "1200000"),
        ("1.200.000", "1200000"),
        ("1,200,000.50", "1200000.50"),
        ("1 200 000,5", "1200000.5"),
        ("1.200,50", "1200.50"),
        ("1'200'000.5", "1200000.5"),
        # Three last digits are thousands in every language.
        ("1.200", "1200"),
        ("1,200", "1200"),
        # But no number of thousands begins with a zero.
        ("0,500", "0.5"),
        ("0.125", "0.125"),
        ("\u200b1200\u2060", "1200"),
        ("12,5", "12.5"),
        ("0.5", "0.5"),
        ("0", "0"),
        ("-5", "-5"),
        ("\u22125", "-5"),
        ("\uff11\uff12", "12"),
    ],
)
def test_an_amount_is_read_as_it_is_written_in_any_language(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("vi", "26.000", "26000"),
        ("vi", "25.450,5", "25450.5"),
        ("vi", "1,085", "1.085"),
        ("vi", "25.45", "25.45"),
        ("ru", "26 000", "26000"),
        ("ru", "1,085", "1.085"),
        ("ru", "1.085", "1.085"),
        ("en", "26,000", "26000"),
        ("en", "1.085", "1.085"),
        ("en", "0.125", "0.125"),
    ],
)
def test_a_number_is_read_as_its_language_writes_it(language: str, text: str, number: str) -> None:
    with translation.override(language):
        assert parse_decimal(text) == Decimal(number)
        field = DecimalFormField(max_digits=20, decimal_places=8)
        assert field.clean(text) == Decimal(number)
        # What a form shows is read as the same.
        assert field.clean(field.prepare_value(Decimal(number))) == Decimal(number)


@pytest.mark.parametrize(
    "field", [AmountFormField(), DecimalFormField(max_digits=20, decimal_places=8)]
)
def test_a_number_with_blanks_between_is_read_whole_or_refused(field: forms.Field) -> None:
    assert field.clean("5" + " " * 60 + "77") == 577
    with pytest.raises(ValidationError):
        field.clean("5" * 41)


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_day_is_read_as_its_language_shows_it(language: str) -> None:
    field = DayFormField()
    with translation.override(language):
        for day in (date(2026, 10, 1), date(2026, 1, 10), date(2026, 10, 13)):
            assert field.clean(shown_day(day)) == day
            assert field.clean(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["", "x", "1..2", "1.20.000", "1,2,3", "1.2.3,4", "1e5", "--1", "12.34567", "1" * 20, "NaN"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(text)


def test_the_largest_amount_is_taken_and_one_more_is_not() -> None:
    assert parse_amount(str(MAX_AMOUNT)) == MAX_AMOUNT
    with pytest.raises(InvalidAmount):
        parse_amount(str(MAX_AMOUNT + 1))


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ["₫1,200,000", "₽1,200,000", "$1,200.50", "₱1,200"]),
        ("vi", ["1.200.000 ₫", "1.200.000 ₽", "1.200,50 US$", "1.200 ₱"]),
        ("ru", ["1 200 000 ₫", "1 200 000 ₽", "1 200,50 $", "1 200 ₱"]),
    ],
)
def test_an_amount_is_shown_as_the_language_writes_it(language: str, shown: list[str]) -> None:
    amounts = [("1200000", "VND"), ("1200000.00", "RUB"), ("1200.5", "USD"), ("1200", "PHP")]
    with translation.override(language):
        found = [shown_amount(Decimal(amount), currency) for amount, currency in amounts]
        assert [text.replace("\u00a0", " ").replace("\u202f", " ") for text in found] == shown


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_an_amount_in_a_form_is_read_back(language: str) -> None:
    with translation.override(language):
        for amount in ("0", "7", "1200.5", "1234567.89", "99999999999999.99"):
            assert parse_amount(shown_number(Decimal(amount))) == Decimal(amount)


def test_ties_are_rounded_away_from_zero_to_the_places_of_the_currency() -> None:
    assert rounded(Decimal("0.005"), "USD") == Decimal("0.01")
    assert rounded(Decimal("-0.005"), "USD") == Decimal("-0.01")
    assert rounded(Decimal("1234.5"), "VND") == Decimal(1235)
    assert is_exact(Decimal("1.50"), "USD")
    assert not is_exact(Decimal("1.5"), "VND")


def test_no_currency_has_three_decimal_places() -> None:
    """Then "1.200" would be read as thousands of it."""
    assert {decimals_of(currency) for currency in CURRENCIES} == {0, 2}


def test_currencies_are_named_in_the_language() -> None:
    with translation.override("ru"):
        assert dict(currency_choices())["VND"] == "VND – вьетнамский донг"
