"""A field of deals: whether one has stood in its stage for too long."""

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Model, Q
from django.utils import timezone
from rest_framework import serializers

from crm.core.records.fields import Field
from crm.core.records.operators import NO, YES


def _past(column: str, _values: list[Any]) -> Q:
    return Q(**{f"{column}__lte": timezone.now()})


_ROTS = replace(YES, build=_past)
_ROTS_NOT = replace(
    NO, build=lambda column, values: Q(**{f"{column}__isnull": True}) | ~_past(column, values)
)


@dataclass(frozen=True, kw_only=True)
class RotsField(Field):
    """Whether the moment of the column is past. The API shows the moment, which may be ahead."""

    operators = (_ROTS, _ROTS_NOT)
    template = "records/cells/boolean.html"
    api_class = serializers.DateTimeField

    def value_of(self, row: Model) -> bool:
        moment = getattr(row, self.name)
        return moment is not None and moment <= timezone.now()
