"""Normalization of text in bodies and parameters before validation."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from crm.core.text.addresses import normalize_email
from crm.core.text.normalization import (
    DEFAULT_MAX_LENGTH,
    is_too_long,
    normalize,
    normalize_line,
)

_PROSE = {"base_template": "textarea.html"}
# Members of an object or elements of a list whose field does not say how many.
MAX_MEMBERS = 100


def prose_field(**options: Any) -> serializers.CharField:
    """Return a field whose text may have several lines; any other text is one line."""
    return serializers.CharField(style=_PROSE, **options)


class NormalizedSerializer(serializers.Serializer[Any]):
    """Base serializer of input: normalizes the text of every declared field first.

    A field with ``trim_whitespace=False`` is unchanged: a password, or a message, which has its own
    rules (`chat/content.py`).
    """

    def run_validation(self, data: Any = empty) -> Any:
        self._refuse_too_much(data)
        return super().run_validation(self.normalized(data))

    def _refuse_too_much(self, data: Any) -> None:
        """Check the number of elements, the length of texts and that they are texts first.

        DRF would report an error for each element, and would take numbers for texts (1e308 becomes
        "1e+308"); normalizing costs time by length.
        """
        if not isinstance(data, Mapping):
            return
        for name, value in data.items():
            if name not in self.fields:
                continue
            field = self.fields[name]
            kind: type[serializers.Field[Any, Any, Any, Any]] = serializers.ListField
            most = _most_exceeded(field, value)
            if not most:
                kind, most = serializers.CharField, _length_exceeded(field, value)
            if not most and _has_number_for_text(field, value):
                raise serializers.ValidationError(
                    {name: [serializers.CharField.default_error_messages["invalid"]]}
                )
            if most:
                message = kind.default_error_messages["max_length"]
                raise serializers.ValidationError({name: [message.format(max_length=most)]})

    def normalized(self, data: Any) -> Any:
        """Return the members with their text normalized; a value that is no object is unchanged."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: _normalized(self.fields[name], value) if name in self.fields else value
            for name, value in data.items()
        }


def _most_exceeded(field: Any, value: Any) -> int:
    """Return the limit that a list or object exceeds at any depth; 0 if none."""
    if isinstance(value, list) and isinstance(field, serializers.ListField):
        inner, most = value, field.max_length or MAX_MEMBERS
    elif isinstance(value, Mapping) and isinstance(field, serializers.DictField):
        inner, most = list(value.values()), MAX_MEMBERS
    else:
        return 0
    if len(inner) > most:
        return int(most)
    return max((_most_exceeded(field.child, each) for each in inner), default=0)


def _length_exceeded(field: Any, value: Any) -> int:
    """Return the length that a text exceeds by far at any depth; 0 if none."""
    if isinstance(value, list) and isinstance(field, serializers.ListField):
        inner = value
    elif isinstance(value, Mapping) and isinstance(field, serializers.DictField):
        inner = list(value.values())
    elif isinstance(value, str) and _is_normalized(field) and is_too_long(value, field.max_length):
        return int(field.max_length or DEFAULT_MAX_LENGTH)
    else:
        return 0
    return max((_length_exceeded(field.child, each) for each in inner), default=0)


def _has_number_for_text(field: Any, value: Any) -> bool:
    """Return whether a number stands for a text at any depth."""
    if isinstance(value, list) and isinstance(field, serializers.ListField):
        return any(_has_number_for_text(field.child, each) for each in value)
    if isinstance(value, Mapping) and isinstance(field, serializers.DictField):
        return any(_has_number_for_text(field.child, each) for each in value.values())
    return isinstance(field, serializers.CharField) and isinstance(value, int | float)


def _is_normalized(field: Any) -> bool:
    return isinstance(field, serializers.EmailField) or (
        isinstance(field, serializers.CharField) and field.trim_whitespace
    )


def _normalized(field: Any, value: Any) -> Any:
    if isinstance(value, list) and isinstance(field, serializers.ListField):
        return [_normalized(field.child, each) for each in value]
    if isinstance(value, Mapping) and isinstance(field, serializers.DictField):
        return {name: _normalized(field.child, each) for name, each in value.items()}
    if not isinstance(value, str) or not _is_normalized(field):
        return value
    if isinstance(field, serializers.EmailField):
        return normalize_email(value)
    if field.style.get("base_template") == _PROSE["base_template"]:
        return normalize(value)
    return normalize_line(value)
