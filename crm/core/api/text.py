"""Text in bodies and parameters, brought to its one form before anything is checked."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from crm.core.text.normalization import normalize, normalize_email, normalize_line

_PROSE = {"base_template": "textarea.html"}


def prose_field(**options: Any) -> serializers.CharField:
    """Return a field whose text may have several lines; any other text is one line."""
    return serializers.CharField(style=_PROSE, **options)


class NormalizedSerializer(serializers.Serializer[Any]):
    """Base of what is read: the text of every declared field is normalized first.

    A field with ``trim_whitespace=False`` stays as it was sent: a password, or a message, which
    has rules of its own (`chat/content.py`).
    """

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation(self.normalized(data))

    def normalized(self, data: Any) -> Any:
        """Return the members with their text normalized; what is no object comes back as it is."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: _normalized(self.fields[name], value) if name in self.fields else value
            for name, value in data.items()
        }


def _normalized(field: Any, value: Any) -> Any:
    if isinstance(value, list) and isinstance(field, serializers.ListField):
        return [_normalized(field.child, each) for each in value]
    if isinstance(value, Mapping) and isinstance(field, serializers.DictField):
        return {name: _normalized(field.child, each) for name, each in value.items()}
    if not isinstance(value, str) or not isinstance(field, serializers.CharField):
        return value
    if isinstance(field, serializers.EmailField):
        return normalize_email(value)
    if not field.trim_whitespace:
        return value
    if field.style.get("base_template") == _PROSE["base_template"]:
        return normalize(value)
    return normalize_line(value)
