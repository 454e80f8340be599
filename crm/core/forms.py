"""Normalization of text in forms before validation."""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from crm.core.moments import OUT_OF_RANGE, is_in_range
from crm.core.text.addresses import normalize_email
from crm.core.text.domains import display_domain
from crm.core.text.fields import host_form, validate_host
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.text.normalization import (
    DEFAULT_MAX_LENGTH,
    is_too_long,
    normalize,
    normalize_line,
)
from crm.core.text.phones import PHONE, normalize_phone

# Of a password whose field names no length.
MAX_PASSWORD = 4_096
# What stands in the place of a text that could not even be refused.
_NO_JSON = "{"


class NormalizedText:
    """Mixin of every form, before the form class: normalize the submitted text, and bound times.

    A multi-line field keeps its lines, an address is folded, and a field with ``strip=False`` (a
    password) is unchanged. The form is shown again with the normalized text.
    """

    def full_clean(self) -> None:
        self.normalize_data()
        super().full_clean()  # type: ignore[misc]

    def normalize_data(self) -> None:
        form = cast(forms.BaseForm, self)
        if form.is_bound:
            form.data = _normalized_data(form)
            _refuse_far_too_long(form)
            _bound_times(form)

    def add_error(self, field: Any, error: Any) -> None:
        form = cast(forms.BaseForm, self)
        # A body that is no form leaves a form without data, of which nothing was read.
        if not form.errors and not hasattr(form, "cleaned_data"):
            form.cleaned_data = {}
        super().add_error(field, error)  # type: ignore[misc]


class Form(NormalizedText, forms.Form):
    pass


class UnchangedValues:
    """Mixin of a model's form: refuse no stored value that was left as it is.

    A rule may be younger than the value; whoever edits another field is not to be stopped by it.
    """

    def _update_errors(self, errors: ValidationError) -> None:
        form = cast(forms.ModelForm, self)
        if not form.instance._state.adding and hasattr(errors, "error_dict"):
            kept = {
                name: found
                for name, found in errors.error_dict.items()
                if name not in form.fields or name in form.changed_data
            }
            if not kept:
                return
            errors = ValidationError(kept)
        super()._update_errors(errors)  # type: ignore[misc]


class ModelForm(NormalizedText, UnchangedValues, forms.ModelForm):
    pass


class EmailInput(forms.TextInput):
    """An address, written as text: a field of the type ``email`` is rewritten by browsers.

    Chromium turns its domain into ASCII by rules that are not ours (``faß.example`` becomes
    ``fass.example``), already when a stored address is shown.
    """

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        typing = {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__({**typing, **(attrs or {})})


class SearchField(forms.CharField):
    """Words that are searched for; a text that is too long is cut off, as it is in every search.

    By the browser already: a search stands in an address, which may not be of any length.
    """

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "maxlength": str(MAX_SEARCH_LENGTH)}

    def normalized(self, value: str) -> str:
        """Return the text that is searched for."""
        start = value.replace("\x00", "")[: 4 * MAX_SEARCH_LENGTH]
        return normalize_line(start)[:MAX_SEARCH_LENGTH]


class PhoneField(forms.RegexField):
    """A phone number; typographic hyphens and blanks are those of a keyboard."""

    default_error_messages = {
        "invalid": gettext_lazy("Write the number with digits: +84 24 1234 5678.")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(PHONE, **options)

    def to_python(self, value: Any) -> str:
        return normalize_phone(super().to_python(value) or "")


class DomainField(forms.CharField):
    """The host name of a site; a pasted address is shortened to it, and shown in its own script."""

    default_validators = [validate_host]

    def to_python(self, value: Any) -> str:
        return host_form(super().to_python(value) or "")

    def prepare_value(self, value: Any) -> Any:
        return display_domain(value) if isinstance(value, str) else value


class LinesField(SimpleArrayField):
    """An array, one value a line. Blank lines are ignored.

    Django's own field separates the values by commas, which may be part of a value.
    """

    def __init__(self, base_field: forms.Field, **options: Any) -> None:
        super().__init__(base_field, delimiter="\n", **options)

    def to_python(self, value: Any) -> Any:
        lines = value.splitlines() if isinstance(value, str) else value
        return super().to_python([each for each in lines or [] if each.strip()])


def keep_stored_choices(form: forms.BaseForm) -> None:
    """Add the stored value to the choices of each select that does not list it.

    Otherwise a browser selects the first choice, and saving the form for another field stores it.
    Call only on forms whose ``initial`` comes from a stored record.
    """
    for name, field in form.fields.items():
        if not isinstance(field, forms.ChoiceField) or isinstance(field, forms.ModelChoiceField):
            continue
        stored = form.get_initial_for_field(field, name)
        values = stored if isinstance(stored, list | tuple) else [stored]
        missing = [
            each
            for each in values
            if each not in field.empty_values and not _is_offered(field, str(each))
        ]
        if missing:
            offered: Any = field.choices
            field.choices = [*offered, *((each, str(each)) for each in missing)]


def _is_offered(field: forms.ChoiceField, value: str) -> bool:
    # Asked first: a field of many rows adds the one in question to its choices.
    is_valid = field.valid_value(value)
    offered: Any = field.choices
    return is_valid and value in set(_listed(offered))


def _listed(choices: Iterable[Any]) -> Iterator[str]:
    """Yield the values of choices, including grouped ones."""
    for key, label in choices:
        if isinstance(label, list | tuple):
            yield from _listed(label)
        else:
            yield str(key)


def normalized_value(field: forms.Field, value: str) -> str:
    """Return a value normalized for this field."""
    if isinstance(field, forms.JSONField):
        return value if _is_fit_to_read(value) else _NO_JSON
    if isinstance(field, SearchField):
        return field.normalized(value)
    if not isinstance(field, forms.CharField):
        return value
    if is_too_long_for(field, value):
        return value
    if isinstance(field, forms.EmailField):
        return normalize_email(value)
    # A pattern's field does not strip by default, and is no password for that.
    if not field.strip and not isinstance(field, forms.RegexField):
        return value
    if isinstance(field.widget, forms.Textarea):
        return normalize(value)
    return normalize_line(value)


def is_too_long_for(field: forms.Field, value: str) -> bool:
    """Return whether a text is refused by its length, before any work with it."""
    if not isinstance(field, forms.CharField) or isinstance(field, forms.JSONField):
        return False
    return is_too_long(value, _longest(field))


def _longest(field: forms.CharField) -> int | None:
    if field.max_length is None and isinstance(field.widget, forms.PasswordInput):
        return MAX_PASSWORD
    return field.max_length


class _FarTooLong(MaxLengthValidator):
    """Refuses any value of a field whose text was too long to be looked at."""

    def compare(self, a: int, b: int) -> bool:
        return True


def _refuse_far_too_long(form: forms.BaseForm) -> None:
    """Add the validators that refuse what `normalized_value` left as it was.

    Their own limit of length does so, except of blanks, which are taken away before it is asked.
    """
    for name, field in form.fields.items():
        field.validators = [each for each in field.validators if not isinstance(each, _FarTooLong)]
        value = form.data.get(form.add_prefix(name))
        if not isinstance(field, forms.CharField) or not isinstance(value, str):
            continue
        longest = _longest(field) or DEFAULT_MAX_LENGTH
        is_refused = field.max_length is not None and len(value.strip()) > field.max_length
        if is_too_long_for(field, value) and not is_refused:
            field.validators.append(_FarTooLong(longest))


def _bound_times(form: forms.BaseForm) -> None:
    """Add validators that refuse times out of the range of `crm.core.moments`."""
    for field in form.fields.values():
        is_time = isinstance(field, forms.DateTimeField | forms.SplitDateTimeField)
        if is_time and _check_range not in field.validators:
            field.validators = [*field.validators, _check_range]


def _check_range(moment: datetime) -> None:
    if not is_in_range(moment):
        raise ValidationError(OUT_OF_RANGE, "out_of_range")


def _is_fit_to_read(text: str) -> bool:
    """Return whether Django's JSONField can handle the text: valid JSON, or a JSONDecodeError.

    RecursionError and ValueError (too deep, too long a number) are not handled by the field, and
    lone surrogates cannot be encoded into the page that shows the value again.
    """
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return not any(unicodedata.category(character) == "Cs" for character in plain)


def _normalized_data(form: forms.BaseForm) -> Any:
    data: Any = form.data
    changed: dict[str, list[Any]] = {}
    for name, field in form.fields.items():
        key = form.add_prefix(name)
        given = data.getlist(key) if isinstance(data, QueryDict) else [data.get(key)]
        texts = [
            normalized_value(field, value) if isinstance(value, str) else value for value in given
        ]
        if texts != given:
            changed[key] = texts
    if not changed:
        return data
    copied = data.copy()
    for key, texts in changed.items():
        if isinstance(copied, QueryDict):
            copied.setlist(key, texts)
        else:
            copied[key] = texts[0]
    return copied
