"""Fields of records: how a column is compared, sorted, shown and described in a sentence.

A field names a column of the model. Its kind has a table of operators, and a filter can use no
others, so that no column name or look-up of a client reaches the database. Only operators that an
index can serve under row-level security are declared: equality and ranges, no pattern matching.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Field as Column
from django.db.models import Model, Q
from django.utils.formats import number_format
from django.utils.text import capfirst
from rest_framework import serializers

from crm.core.api.text import prose_field
from crm.core.fields import PhoneField as PhoneApiField
from crm.core.forms import DomainField as DomainFormField
from crm.core.forms import EmailInput
from crm.core.forms import LinesField as LinesFormField
from crm.core.forms import PhoneField as PhoneFormField
from crm.core.permissions import Principal
from crm.core.records.names import same_name
from crm.core.records.operators import (
    DURING,
    EMPTY,
    FILLED,
    GTE,
    IS,
    IS_NOT,
    LAST,
    LT,
    NO,
    NUMBER_GTE,
    NUMBER_LTE,
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
from crm.core.text.addresses import normalize_email
from crm.core.text.domains import InvalidDomain, display_domain, normalize_host
from crm.core.text.folding import search_key
from crm.core.text.normalization import is_storable, normalize_line

MAX_VALUE_LENGTH = 255
_CHECK_ATTRS = {"class": "form-check-input", "autocomplete": "off"}
_TEXT_ATTRS = {"class": "form-control", "autocomplete": "off", "dir": "auto"}
MAX_VALUES = 50
# Letters of a text that needs few lines: an address.
SHORT_PROSE = 500


class InvalidValue(ValueError):
    """A value that the operator cannot compare with; the message is the value."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of a record, with its operators, form field, API field and display.

    ``is_sortable`` columns are never NULL and have an index that begins with (organization,
    column), which `tests/records/test_indexes.py` checks.
    ``sort_column`` replaces the column in the order, e.g. a folded name. ``is_required`` makes the
    form field required; by default it is, unless the column may be blank.
    """

    operators: ClassVar[tuple[Operator, ...]] = ()
    template: ClassVar[str] = "records/cells/text.html"
    api_class: ClassVar[Callable[..., "serializers.Field[Any, Any, Any, Any]"]] = (
        serializers.CharField
    )
    # Header names of imported files for this kind of field; ``also_called`` adds one field's own.
    aliases: ClassVar[tuple[str, ...]] = ()

    name: str
    label: Any = ""
    help_text: Any = ""
    also_called: tuple[str, ...] = ()
    is_required: bool | None = None
    is_sortable: bool = False
    sort_column: str = ""
    # False where a source of the timeline keeps and tells its changes.
    is_audited: bool = True
    # Whether the first click on the heading sorts ascending.
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
    def api_source(self) -> str:
        """Return the attribute of a row that the API shows."""
        return self.name

    @property
    def edited_with(self) -> tuple[str, ...]:
        """Return the names of fields with which this one is one value."""
        return ()

    @property
    def orders_by(self) -> str:
        return self.sort_column or self.name

    def operator(self, name: str) -> Operator | None:
        return next((each for each in self.operators if each.name == name), None)

    def value_of(self, row: Model) -> Any:
        """Return the value that the template of a cell shows."""
        return getattr(row, self.name)

    def exported(self, row: Model) -> Any:
        """Return the value for an export: str, int, bool, datetime or None."""
        return self.value_of(row)

    def total_formatter(self, reader: Principal) -> Callable[[Any], str]:
        """Return a function that shows sums of `orders_by` over rows to a reader."""
        return lambda total: str(number_format(total, force_grouping=True))

    def initial_of(self, row: Model) -> Any:
        """Return the initial value of the form field."""
        return getattr(row, self.name)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        """Return the values to compare with. Raise InvalidValue."""
        return [_text(value) for value in values]

    def q(self, operator: Operator, values: Sequence[str], reader: Principal) -> Q:
        """Return the condition of a reader's filter. Raise InvalidValue."""
        return operator.build(self.name, self.parse(operator, values))

    def shown(self, operator: Operator, value: str) -> str:
        """Return an unparsed value for display in the sentence of a filter."""
        return value

    def shown_values(
        self, operator: Operator, values: Sequence[str], reader: Principal
    ) -> list[str]:
        """Return the unparsed values of a condition for display to a reader."""
        return [self.shown(operator, value) for value in values]

    def choices_for(self, reader: Principal) -> list[tuple[str, str]]:
        """Return the (value, label) pairs that a reader may choose; empty for fields without
        choices.
        """
        return []

    @property
    def options_url(self) -> str:
        """Return where rows to compare with are searched, for operators that take a "record"."""
        return ""

    def filter_choices(self, reader: Principal) -> list[tuple[str, str]]:
        """Return the (value, label) pairs that a reader may filter by."""
        return self.choices_for(reader)

    def choices_of(self, operator: Operator) -> list[tuple[str, str]]:
        """Return the (value, label) pairs of an operator that takes no `choices_for`."""
        return []

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        """Return the field of a reader's form, for an edited row or a new one."""
        column: Any = self.column
        field: forms.Field = column.formfield(**self._form_options())
        field.widget.attrs |= _TEXT_ATTRS
        return field

    def cell_field(self, by: Principal) -> forms.Field:
        """Return the form field of a cell of a file that somebody imports."""
        return self.form_field(by)

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        """Return the serializer field for responses, or for request bodies (``is_body``)."""
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
    """A text. ``folded`` names a column with its `search_key`, whose index serves comparisons."""

    operators = (IS, IS_NOT, EMPTY, FILLED)

    folded: str = ""

    def q(self, operator: Operator, values: Sequence[str], reader: Principal) -> Q:
        if operator not in {IS, IS_NOT} or not self.folded:
            return super().q(operator, values, reader)
        (text,) = self.parse(operator, values)
        key = search_key(text)[:MAX_VALUE_LENGTH]
        same = equal(self.folded, [key]) & ~Q(**{self.name: ""}) & same_name(self.name, text)
        return same if operator is IS else ~same


class EmailField(TextField):
    template = "records/cells/email.html"
    aliases = ("e-mail", "mail", "почта", "thư điện tử")

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if not is_body:
            # An empty value is not a valid email address.
            return super().api_field(is_body=False)
        options = {**self._api_options(), "required": not self.column.blank}
        return serializers.EmailField(**options)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        return [normalize_email(value) for value in super().parse(operator, values)]

    def _form_options(self) -> dict[str, Any]:
        return {**super()._form_options(), "widget": EmailInput}


class DomainField(TextField):
    """The host name of a site, shown in its own script, with a link."""

    template = "records/cells/domain.html"
    aliases = ("website", "site", "url", "web", "сайт", "trang web")

    def value_of(self, row: Model) -> str:
        return display_domain(getattr(row, self.name))

    def exported(self, row: Model) -> str:
        return str(getattr(row, self.name))

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [normalize_host(value) for value in super().parse(operator, values)]
        except InvalidDomain as error:
            raise InvalidValue(str(error)) from error

    def shown(self, operator: Operator, value: str) -> str:
        return display_domain(normalize_host(value))

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        column: Any = self.column
        return DomainFormField(
            **self._form_options(),
            max_length=column.max_length,
            widget=forms.TextInput(
                attrs={**_TEXT_ATTRS, "inputmode": "url", "autocapitalize": "none", "dir": "ltr"}
            ),
        )


class PhoneField(Field):
    """A phone number as it was typed; search ignores the formatting."""

    operators = (EMPTY, FILLED)
    template = "records/cells/phone.html"
    api_class = PhoneApiField

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        # An empty value is not a phone number.
        return super().api_field(is_body=True) if is_body else serializers.CharField(read_only=True)

    def _api_options(self) -> dict[str, Any]:
        return {}

    aliases = ("tel", "mobile", "тел", "мобильный", "sđt", "di động")

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        column: Any = self.column
        return PhoneFormField(
            **self._form_options(),
            max_length=column.max_length,
            widget=forms.TextInput(attrs={**_TEXT_ATTRS, "type": "tel"}),
        )


class ProseField(Field):
    """A text of several lines."""

    operators = (EMPTY, FILLED)
    template = "records/cells/prose.html"
    api_class = staticmethod(prose_field)

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        field = super().form_field(reader, row)
        column: Any = self.column
        rows = 3 if (column.max_length or SHORT_PROSE + 1) <= SHORT_PROSE else 7
        field.widget = forms.Textarea(attrs={**field.widget.attrs, "rows": rows})
        return field


class LinesField(Field):
    """An array of texts, edited as one per line."""

    template = "records/cells/prose.html"
    api_class = serializers.ListField

    def _api_options(self) -> dict[str, Any]:
        column: Any = self.column
        return {"child": serializers.CharField(max_length=column.base_field.max_length)}

    def value_of(self, row: Model) -> str:
        return "\n".join(getattr(row, self.name))

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
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

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        options = {**self._form_options(), "required": False, "initial": self.column.get_default()}
        return forms.BooleanField(**options, widget=forms.CheckboxInput(attrs=_CHECK_ATTRS))


class NumberField(Field):
    """A whole number."""

    operators = (NUMBER_GTE, NUMBER_LTE)
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

    @property
    def options_url(self) -> str:
        """Return where rows to compare with are searched, for operators that take a "record"."""
        return ""

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
