"""The names of parameters: declared anywhere in the code, and looked for by one view."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers

PACKAGES = ("chat", "config", "crm", "knowledge")
LITERAL = re.compile(
    r"\b(?:GET|POST|FILES|query_params)(?:\.get(?:list)?\(|\[)\s*[\"']([\w-]+)[\"']"
)


def names_of_the_code() -> set[str]:
    """Return each parameter that any view, form or serializer of ours declares."""
    names = {"next"}
    for package in PACKAGES:
        for module in (Path(settings.BASE_DIR) / package).rglob("*.py"):
            names |= set(LITERAL.findall(module.read_text()))
    for form in _of_ours(forms.BaseForm):
        names |= set(getattr(form, "base_fields", ()))
    for serializer in _of_ours(serializers.Serializer):
        names |= set(serializer._declared_fields)
    return names


def _of_ours(base: type[Any]) -> Iterator[type[Any]]:
    for found in base.__subclasses__():
        if found.__module__.partition(".")[0] in PACKAGES:
            yield found
        yield from _of_ours(found)


class Asked:
    """The names that a view looked for, each with a value that would be accepted where known."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.fields: dict[str, Any] = {}


@contextmanager
def observed() -> Iterator[Asked]:
    """Note what is looked for in query, form and JSON while requests are answered."""
    asked = Asked()
    with pytest.MonkeyPatch.context() as patch:
        for method in ("__getitem__", "get", "getlist", "__contains__"):
            patch.setattr(MultiValueDict, method, _noting(getattr(MultiValueDict, method), asked))
        patch.setattr(forms.BaseForm, "full_clean", _of_form(forms.BaseForm.full_clean, asked))
        for name in ("run_validation", "to_internal_value"):
            original = getattr(serializers.Serializer, name)
            patch.setattr(serializers.Serializer, name, _of_serializer(original, asked))
        yield asked


def _noting(original: Any, asked: Asked) -> Any:
    def noting(self: Any, name: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(self, QueryDict) and isinstance(name, str):
            asked.names.setdefault(name, "")
        return original(self, name, *rest, **options)

    return noting


def _of_form(original: Any, asked: Asked) -> Any:
    def full_clean(form: Any) -> Any:
        for name, field in form.fields.items():
            asked.names[form.add_prefix(name)] = quote(_accepted_by_form(field))
        return original(form)

    return full_clean


def _of_serializer(original: Any, asked: Asked) -> Any:
    def noting(self: Any, *rest: Any, **options: Any) -> Any:
        if self.parent is None:
            for name, field in self.fields.items():
                if not field.read_only:
                    asked.fields[name] = _accepted_by_serializer(field)
        return original(self, *rest, **options)

    return noting


def _accepted_by_form(field: forms.Field) -> str:
    match field:
        case forms.ModelChoiceField():
            first = field.queryset.first() if field.queryset is not None else None
            return str(field.prepare_value(first)) if first is not None else ""
        case forms.ChoiceField():
            return next((str(key) for key, _ in _flat(field.choices) if key), "")
        case forms.EmailField():
            return "someone@example.com"
        case forms.IntegerField():
            return str(field.min_value if field.min_value is not None else 1)
        case forms.BooleanField():
            return "on"
        case forms.DateTimeField():
            return "2030-01-01T10:00"
        case forms.DateField():
            return "2030-01-01"
        case forms.UUIDField():
            return "01a1fc55-3b46-75fa-ba96-62106721bed2"
        case forms.JSONField():
            return "{}"
        case _:
            return "words"


def _flat(choices: Any) -> Iterator[tuple[Any, Any]]:
    for key, told in choices:
        if isinstance(told, list | tuple):
            yield from told
        else:
            yield key, told


def _accepted_by_serializer(field: Any) -> Any:
    match field:
        case serializers.Serializer():
            return {
                name: _accepted_by_serializer(inner)
                for name, inner in field.fields.items()
                if not inner.read_only
            }
        case serializers.ListSerializer() | serializers.ListField():
            return [_accepted_by_serializer(field.child)]
        case serializers.ChoiceField():
            return next(iter(field.choices), "")
        case serializers.EmailField():
            return "someone@example.com"
        case serializers.BooleanField():
            return True
        case serializers.IntegerField():
            return field.min_value if field.min_value is not None else 1
        case serializers.DateTimeField():
            return "2030-01-01T10:00:00Z"
        case serializers.UUIDField():
            return "01a1fc55-3b46-75fa-ba96-62106721bed2"
        case serializers.DictField() | serializers.JSONField():
            return {"type": "text", "text": "words"}
        case _:
            return "words"
