"""Normalization of text in forms before validation."""

import json
from typing import Any, cast

from django import forms
from django.http import QueryDict

from crm.core.text.normalization import normalize, normalize_email, normalize_line

# What stands in the place of a text that could not even be refused.
_NO_JSON = "{"


class NormalizedText:
    """Mixin of every form, before the form class: normalize the submitted text.

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


class Form(NormalizedText, forms.Form):
    pass


class ModelForm(NormalizedText, forms.ModelForm):
    pass


def normalized_value(field: forms.Field, value: str) -> str:
    """Return a value normalized for this field."""
    if isinstance(field, forms.JSONField):
        return value if _is_fit_to_read(value) else _NO_JSON
    if not isinstance(field, forms.CharField):
        return value
    if isinstance(field, forms.EmailField):
        return normalize_email(value)
    # A pattern's field does not strip by default, and is no password for that.
    if not field.strip and not isinstance(field, forms.RegexField):
        return value
    if isinstance(field.widget, forms.Textarea):
        return normalize(value)
    return normalize_line(value)


def _is_fit_to_read(text: str) -> bool:
    """Return whether Django's JSONField can handle the text: valid JSON, or a JSONDecodeError.

    RecursionError and ValueError (too deep, too long a number) are not handled by the field.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return True


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
