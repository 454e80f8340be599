"""Fields of records: how a column is compared, sorted, shown and described in a sentence.

A field names a column of the model. Its kind has a table of operators, and a filter can use no
others, so that no column name or look-up of a client reaches the database. Only operators that an
index can serve under row-level security are declared: equality and ranges, no pattern matching.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Field as Column
from django.db.models import Model, Q
from django.utils.text import capfirst
from rest_framework import serializers

from crm.core import tenancy
from crm.core.api.text import prose_field
from crm.core.fields import PhoneField as PhoneApiField
from crm.core.forms import EmailInput
from crm.core.forms import LinesField as LinesFormField
from crm.core.forms import PhoneField as PhoneFormField
from crm.core.records.operators import (
    DURING,
    EMPTY,
    FILLED,
    GTE,
    IN,
    IS,
    IS_NOT,
    LAST,
    LEAST,
    LT,
    MOST,
    NO,
    NOT_IN,
    YES,
    Operator,
    equal,
)
from crm.core.records.periods import (
    PERIODS,
    InvalidPeriod,
    last_days,
    parse_moment,
    period,
    shown_days,
    shown_moment,
)
from crm.core.text.normalization import (
    is_storable,
    normalize_email,
    normalize_line,
    search_key,
)

MAX_VALUE_LENGTH = 255
_TEXT_ATTRS = {"class": "form-control", "autocomplete": "off", "dir": "auto"}
MAX_VALUES = 50
# Rows that a relation offers.
MOST_CHOICES = 500


class InvalidValue(ValueError):
    """A value that the operator cannot compare with; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of a record.

    ``is_sortable`` columns have an index on (organization, column, id) and are never NULL.
    ``sort_column`` is sorted by in the column's place, e.g. a folded name. ``is_required`` says
    whether a form asks for it; by default where the column may not be blank.
    """

    operators: ClassVar[tuple[Operator, ...]] = ()
    template: ClassVar[str] = "records/cells/text.html"
    api_class: ClassVar[Callable[..., "serializers.Field[Any, Any, Any, Any]"]] = (
        serializers.CharField
    )
    # What files call such a column, beside its name and label.
    aliases: ClassVar[tuple[str, ...]] = ()

    name: str
    label: Any = ""
    help_text: Any = ""
    is_required: bool | None = None
    is_sortable: bool = False
    sort_column: str = ""
    # The order that the first click on the column gives.
    sorts_up_first: ClassVar[bool] = True
    model: type[Model] | None = None

    @cached_property
    def column(self) -> "Column[Any, Any]":
        assert self.model is not None  # noqa: S101  set when the record is registered
        column = self.model._meta.get_field(self.name)
        assert isinstance(column, Column)  # noqa: S101  a relation from elsewhere is no field
        return column

    @property
    def heading(self) -> str:
        return capfirst(str(self.label or self.column.verbose_name))

    @property
    def orders_by(self) -> str:
        return self.sort_column or self.name

    def operator(self, name: str) -> Operator | None:
        return next((each for each in self.operators if each.name == name), None)

    def value_of(self, row: Model) -> Any:
        """Return the value that the template of a cell shows."""
        return getattr(row, self.name)

    def exported(self, row: Model) -> Any:
        """Return the value in a file that people read: a text, number, truth value or time."""
        return self.value_of(row)

    def initial_of(self, row: Model) -> Any:
        """Return the value that a form begins with."""
        return getattr(row, self.name)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        """Return the values to compare with. Raise InvalidValue."""
        return [_text(value) for value in values]

    def q(self, operator: Operator, values: Sequence[str]) -> Q:
        """Return the condition of a filter. Raise InvalidValue."""
        return operator.build(self.name, self.parse(operator, values))

    def shown(self, operator: Operator, value: str) -> str:
        """Return a value as a sentence names it."""
        return value

    def choices(self) -> list[tuple[str, str]]:
        """Return the values that may be chosen and their labels; empty where any text is one."""
        return []

    def choices_of(self, operator: Operator) -> list[tuple[str, str]]:
        """Return the values that an operator takes and their labels; empty where any text is."""
        return self.choices() if operator.takes == "choices" else []

    def form_field(self) -> forms.Field:
        """Return the field of a form."""
        column: Any = self.column
        field: forms.Field = column.formfield(**self._form_options())
        field.widget.attrs |= _TEXT_ATTRS
        return field

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        """Return the field of the API's records, or of the bodies that create and change them."""
        column: Any = self.column
        if not is_body:
            return self.api_class(read_only=True, **({"allow_null": True} if column.null else {}))
        is_optional = column.blank or column.has_default() or self.is_required is False
        return self.api_class(**self._api_options(), required=not is_optional)

    def _api_options(self) -> dict[str, Any]:
        column: Any = self.column
        return {"max_length": column.max_length, "allow_blank": column.blank}

    def _form_options(self) -> dict[str, Any]:
        required = not self.column.blank if self.is_required is None else self.is_required
        return {"label": self.heading, "help_text": self.help_text, "required": required}


@dataclass(frozen=True, kw_only=True)
class TextField(Field):
    """A text; ``folded`` is a column of its `search_key`, by which it is compared."""

    operators = (IS, IS_NOT, EMPTY, FILLED)

    folded: str = ""

    def q(self, operator: Operator, values: Sequence[str]) -> Q:
        if operator not in {IS, IS_NOT} or not self.folded:
            return super().q(operator, values)
        keys = [search_key(value)[:MAX_VALUE_LENGTH] for value in self.parse(operator, values)]
        same = equal(self.folded, keys) & ~Q(**{self.name: ""})
        return same if operator is IS else ~same


class EmailField(TextField):
    template = "records/cells/email.html"
    aliases = ("e-mail", "mail", "почта", "thư điện tử")

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if not is_body:
            # Not of the form of an address where it is empty.
            return super().api_field(is_body=False)
        options = {**self._api_options(), "required": not self.column.blank}
        return serializers.EmailField(**options)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        return [normalize_email(value) for value in super().parse(operator, values)]

    def _form_options(self) -> dict[str, Any]:
        return {**super()._form_options(), "widget": EmailInput}


class PhoneField(Field):
    """A phone number, as people write it; the search finds it in any form."""

    operators = (EMPTY, FILLED)
    template = "records/cells/phone.html"
    api_class = PhoneApiField

    def _api_options(self) -> dict[str, Any]:
        return {}

    aliases = ("tel", "mobile", "тел", "мобильный", "sđt", "di động")

    def form_field(self) -> forms.Field:
        column: Any = self.column
        return PhoneFormField(
            **self._form_options(),
            max_length=column.max_length,
            widget=forms.TextInput(attrs={**_TEXT_ATTRS, "type": "tel"}),
        )


@dataclass(frozen=True, kw_only=True)
class ChoiceField(Field):
    """One of the column's choices, or of ``options`` where it has none."""

    operators = (IN, NOT_IN, EMPTY, FILLED)
    template = "records/cells/choice.html"

    options: Sequence[tuple[str, Any]] = ()

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if not is_body:
            return super().api_field(is_body=False)
        column: Any = self.column
        return serializers.ChoiceField(
            choices=self.choices(),
            allow_blank=column.blank,
            required=not (column.blank or column.has_default()),
        )

    def value_of(self, row: Model) -> str:
        value = getattr(row, self.name)
        return dict(self.choices()).get(value, value)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        known = dict(self.choices())
        for value in values:
            if value not in known:
                raise InvalidValue(value)
        return list(values)

    def shown(self, operator: Operator, value: str) -> str:
        return dict(self.choices()).get(value, value)

    def choices(self) -> list[tuple[str, str]]:
        told: Any = self.options or self.column.choices or ()
        return [(str(key), str(label)) for key, label in told if key != ""]

    def form_field(self) -> forms.Field:
        choices = self.choices()
        if self.column.blank:
            choices = [("", "–"), *choices]
        return forms.ChoiceField(
            **self._form_options(),
            choices=choices,
            widget=forms.Select(attrs={"class": "form-select"}),
        )


@dataclass(frozen=True, kw_only=True)
class RelationField(ChoiceField):
    """A row of another model of the organization; ``name`` is the key's column, as "category_id".

    ``title`` is the attribute that names a related row, ``order`` how they are offered.
    """

    operators = (
        IN,
        NOT_IN,
        replace(EMPTY, build=lambda c, _v: Q(**{f"{c}__isnull": True})),
        replace(FILLED, build=lambda c, _v: Q(**{f"{c}__isnull": False})),
    )

    api_class = serializers.UUIDField
    title: str = "name"
    order: tuple[str, ...] = ("name",)

    def _api_options(self) -> dict[str, Any]:
        return {"allow_null": self.column.null}

    @property
    def relation(self) -> str:
        return self.column.name

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        return Field.api_field(self, is_body=is_body)

    def value_of(self, row: Model) -> str:
        related = getattr(row, self.relation)
        return "" if related is None else str(getattr(related, self.title))

    def initial_of(self, row: Model) -> str:
        return str(getattr(row, self.name) or "")

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [UUID(value) for value in values]
        except ValueError as error:
            raise InvalidValue(str(error)) from error

    def choices(self) -> list[tuple[str, str]]:
        """Return the rows of the organization in whose scope this runs."""
        organization = tenancy.current().organization
        if not organization:
            return []
        model: Any = self.column.related_model
        rows = model._default_manager.filter(organization_id=organization).order_by(*self.order)
        return [(str(row.pk), str(getattr(row, self.title))) for row in rows[:MOST_CHOICES]]

    def form_field(self) -> forms.Field:
        choice: Any = super().form_field()
        options = {"choices": choice.choices, "widget": choice.widget, "empty_value": None}
        return forms.TypedChoiceField(**self._form_options(), **options, coerce=UUID)


class ProseField(Field):
    """A text of several lines."""

    operators = (EMPTY, FILLED)
    template = "records/cells/prose.html"
    api_class = staticmethod(prose_field)

    def form_field(self) -> forms.Field:
        field = super().form_field()
        field.widget = forms.Textarea(attrs={**field.widget.attrs, "rows": 7})
        return field


class LinesField(Field):
    """An array of texts, one a line."""

    template = "records/cells/prose.html"
    api_class = serializers.ListField

    def _api_options(self) -> dict[str, Any]:
        column: Any = self.column
        return {"child": serializers.CharField(max_length=column.base_field.max_length)}

    def value_of(self, row: Model) -> str:
        return "\n".join(getattr(row, self.name))

    def form_field(self) -> forms.Field:
        column: Any = self.column
        return LinesFormField(
            column.base_field.formfield(),
            **self._form_options(),
            widget=forms.Textarea(attrs={**_TEXT_ATTRS, "rows": 4}),
        )


class BooleanField(Field):
    operators = (YES, NO)
    template = "records/cells/boolean.html"
    api_class = serializers.BooleanField

    def _api_options(self) -> dict[str, Any]:
        return {}

    def form_field(self) -> forms.Field:
        options = {**self._form_options(), "required": False, "initial": self.column.get_default()}
        return forms.BooleanField(
            **options, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
        )


class NumberField(Field):
    """A whole number."""

    operators = (LEAST, MOST)
    template = "records/cells/number.html"
    api_class = serializers.IntegerField

    def _api_options(self) -> dict[str, Any]:
        return {"allow_null": self.column.null}

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [self.column.clean(value, None) for value in values]
        except ValidationError as error:
            raise InvalidValue(str(error)) from error


class MomentField(Field):
    operators = (DURING, LAST, GTE, LT)
    template = "records/cells/moment.html"
    api_class = serializers.DateTimeField
    sorts_up_first = False

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [_parse_time(operator, value) for value in values]
        except InvalidPeriod as error:
            raise InvalidValue(str(error)) from error

    def shown(self, operator: Operator, value: str) -> str:
        if operator.takes == "period":
            return str(PERIODS.get(value, value))
        if operator.takes == "days":
            return shown_days(value)
        return shown_moment(parse_moment(value))

    def choices_of(self, operator: Operator) -> list[tuple[str, str]]:
        if operator.takes != "period":
            return []
        return [(name, str(label)) for name, label in PERIODS.items()]


def _parse_time(operator: Operator, value: str) -> Any:
    if operator.takes == "period":
        period(value)
        return value
    return last_days(value) and value if operator.takes == "days" else parse_moment(value)


def _text(value: str) -> str:
    text = normalize_line(value)
    if not text or len(text) > MAX_VALUE_LENGTH or not is_storable(text):
        raise InvalidValue(value[:MAX_VALUE_LENGTH])
    return text
