"""Values of columns as the audit stores them (JSON), in words for people."""

from collections.abc import Collection
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext

from crm.core.money import shown_number
from crm.core.permissions import Principal
from crm.core.records.choice_fields import ChoiceField, RelationField
from crm.core.records.fields import BooleanField, Field, MomentField
from crm.core.records.value_fields import DateField, DecimalField, MoneyField, shown_day

MAX_SHOWN_LENGTH = 300


class StoredValues:
    """Words for values of one page; rows of a relation are looked up once for all of them."""

    def __init__(self, reader: Principal, used: Collection[tuple[Field, Any]]) -> None:
        self._titles: dict[str, dict[str, str]] = {}
        wanted: dict[RelationField, set[UUID]] = {}
        for field, value in used:
            if isinstance(field, RelationField) and value:
                with suppress(ValueError):
                    wanted.setdefault(field, set()).add(UUID(str(value)))
        for field, ids in wanted.items():
            rows = field.visible_to(reader).in_bulk(list(ids))
            self._titles[field.name] = {str(pk): field.title_of(row) for pk, row in rows.items()}

    def shown(self, field: Field, value: Any) -> str | None:
        """Return a value in words, "" for none; None for a row that the reader may not see."""
        if value is None or value in ("", []):
            return ""
        if isinstance(field, RelationField):
            return self._titles.get(field.name, {}).get(str(value))
        text = _words(field, value)
        return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}…"


def _words(field: Field, value: Any) -> str:
    if isinstance(field, BooleanField):
        return gettext("Yes") if value else gettext("No")
    if isinstance(field, ChoiceField):
        return dict(field.choices()).get(str(value), str(value))
    if isinstance(field, MomentField):
        with suppress(ValueError):
            return str(localize(localtime(datetime.fromisoformat(value))))
    if isinstance(field, DateField):
        with suppress(ValueError):
            return shown_day(date.fromisoformat(value))
    if isinstance(field, MoneyField | DecimalField):
        with suppress(ArithmeticError):
            return shown_number(Decimal(str(value)))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(localize(value)) if isinstance(value, int | float) else str(value)
