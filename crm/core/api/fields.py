"""Sparse fields: ``?fields=id,status``."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop
from rest_framework import serializers

from crm.core.errors import Invalid

MAX_FIELDS = 50


class UnknownField(Invalid):
    """``field`` is the unknown name in the ``fields`` parameter; ``allowed`` are the valid ones."""

    code = "unknown_field"
    message = gettext_noop("`fields` names a field that does not exist. Use those of `allowed`.")


class UnknownBodyField(UnknownField):
    """``field`` is the unknown member of the body; ``allowed`` are the valid ones."""

    message = gettext_noop(
        "The body has a field that does not exist or cannot be set. Use those of `allowed`."
    )


def fields_parameter() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        max_length=500,
        help_text="Only these members of each record, with commas: `id,status`.",
    )


def members_of(wanted: str | None, allowed: Iterable[str]) -> list[str]:
    """Return the members that ``wanted`` names, comma-separated; all of them where it is empty.

    Raise UnknownField for a name that is not in ``allowed``.
    """
    known = list(allowed)
    if not wanted:
        return known
    names = [name.strip() for name in wanted.split(",", MAX_FIELDS)]
    for name in names:
        if name not in known:
            raise UnknownField(extra={"field": name[:64], "allowed": sorted(known)})
    return names


def sparse(data: Mapping[str, Any], members: Iterable[str]) -> dict[str, Any]:
    return {name: data[name] for name in members}
