"""The filter language: nested conditions as JSON, query parameters, a sentence and a Q object.

    {"all": [{"field": "stage", "op": "in", "value": ["customer"]},
             {"any": [{"field": "email", "op": "filled"}, {"field": "phone", "op": "filled"}]}]}

In a URL, conditions that must all hold are parameters, ``stage__in=customer``, repeated for
several values; any other filter is the JSON in the parameter ``where``.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext, gettext_noop

from crm.core.errors import Invalid
from crm.core.http.strict_json import NotJson, read_json
from crm.core.permissions import Principal
from crm.core.records.fields import MAX_VALUES, Field, InvalidValue
from crm.core.records.operators import Operator
from crm.core.text.normalization import isolate

if TYPE_CHECKING:
    from crm.core.records.record import Record

WHERE = "where"
MAX_CONDITIONS = 30
MAX_DEPTH = 3
MAX_LENGTH = 8_000


class FilterInvalid(Invalid):
    """``extra`` names the ``field`` and ``op`` of an invalid condition, and what is ``allowed``."""

    code = "filter_invalid"
    message = gettext_noop(
        "The filter cannot be used. Correct what is named, or take the condition out."
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, an operator and its values, not parsed."""

    field: Field
    operator: Operator
    values: tuple[str, ...] = ()

    def q(self, reader: Principal) -> Q:
        return self.field.q(self.operator, self.values, reader)

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"field": self.field.name, "op": self.operator.name}
        if self.operator.takes_many:
            data["value"] = list(self.values)
        elif self.values:
            data["value"] = self.values[0]
        return data

    def sentence(self, reader: Principal) -> str:
        shown = self.field.shown_values(self.operator, self.values, reader)
        words = gettext(" or ").join(isolate(value) for value in shown)
        return str(self.operator.sentence) % {"field": self.field.heading, "value": words}


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of which all (or, with ``is_any``, any) must hold; an empty group always holds."""

    parts: tuple["Condition | Group", ...] = ()
    is_any: bool = False

    def __bool__(self) -> bool:
        return bool(self.parts)

    def q(self, reader: Principal) -> Q:
        parts = [part.q(reader) for part in self.parts if part]
        return reduce(or_ if self.is_any else and_, parts, Q())

    def as_json(self) -> dict[str, Any]:
        return {"any" if self.is_any else "all": [part.as_json() for part in self.parts]}

    def sentence(self, reader: Principal) -> str:
        joint = gettext(" or ") if self.is_any else gettext(" and ")
        return joint.join(
            f"({part.sentence(reader)})" if isinstance(part, Group) else part.sentence(reader)
            for part in self.parts
        )

    def conditions(self) -> Iterable[Condition]:
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.conditions()
            else:
                yield part

    def parameters(self) -> list[tuple[str, str]]:
        """Return the group as query parameters."""
        if not self.parts:
            return []
        flat = [part for part in self.parts if isinstance(part, Condition)]
        names = {(part.field.name, part.operator.name) for part in flat}
        is_flat = not self.is_any or len(self.parts) == 1
        if not is_flat or len(flat) < len(self.parts) or len(names) < len(flat):
            return [(WHERE, json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":")))]
        return [
            (f"{part.field.name}__{part.operator.name}", value)
            for part in flat
            for value in part.values or ("true",)
        ]

    def without(self, number: int) -> "Group":
        """Return the group without the part at this index."""
        return Group(self.parts[:number] + self.parts[number + 1 :], is_any=self.is_any)


def parse_json(record: "Record", data: Any) -> Group:
    """Parse JSON that was decoded already. Raise FilterInvalid."""
    group = _part(record, data, depth=1)
    group = group if isinstance(group, Group) else Group((group,))
    if sum(1 for _each in group.conditions()) > MAX_CONDITIONS:
        raise _too_many()
    return group


def _too_many() -> FilterInvalid:
    return FilterInvalid(
        gettext("A filter has at most %(count)d conditions.") % {"count": MAX_CONDITIONS}
    )


def parse_text(record: "Record", text: str) -> Group:
    """Parse a JSON text. Raise FilterInvalid."""
    try:
        return parse_json(record, read_json(text))
    except NotJson as error:
        raise FilterInvalid from error


def parse_parameters(record: "Record", given: QueryDict) -> Group:
    """Parse query parameters; those without ``__`` are ignored. Raise FilterInvalid."""
    parts: list[Condition | Group] = []
    if where := given.get(WHERE):
        if len(where) > MAX_LENGTH:
            raise FilterInvalid
        group = parse_text(record, where)
        if group.is_any and len(group.parts) > 1:
            parts.append(group)
        else:
            parts.extend(group.parts)
    for name in given:
        column, separator, operator = name.rpartition("__")
        if separator:
            values = [value for value in given.getlist(name) if value]
            parts.append(_condition(record, column, operator, values))
    if len(parts) == 1 and isinstance(parts[0], Group):
        return parts[0]
    group = Group(tuple(parts))
    if _depth(group) > MAX_DEPTH:
        # The group is written as JSON again, which would be refused for its depth.
        raise FilterInvalid
    return group


def _depth(part: "Condition | Group") -> int:
    inner = part.parts if isinstance(part, Group) else ()
    return 1 + max(map(_depth, inner), default=0)


def _part(record: "Record", data: Any, *, depth: int) -> "Condition | Group":
    if not isinstance(data, Mapping) or depth > MAX_DEPTH:
        raise FilterInvalid
    for key in ("all", "any"):
        if key in data:
            inner = data[key]
            if set(data) != {key} or not isinstance(inner, list):
                raise FilterInvalid
            if len(inner) > MAX_CONDITIONS:
                raise _too_many()
            if depth > 1 and not inner:
                # It would hold always, and could be repeated without end.
                raise FilterInvalid(gettext("A group of the filter holds no condition."))
            parts = tuple(_part(record, each, depth=depth + 1) for each in inner)
            return Group(parts, is_any=key == "any")
    if not set(data) <= {"field", "op", "value"}:
        raise FilterInvalid
    value = data.get("value", [])
    values = value if isinstance(value, list) else [value]
    return _condition(record, data.get("field"), data.get("op"), values)


def _condition(record: "Record", name: Any, operator_name: Any, values: list[Any]) -> Condition:
    extra = {"field": str(name)[:64], "op": str(operator_name)[:64]}
    field = record.field(name) if isinstance(name, str) else None
    if field is None or not field.operators:
        allowed = sorted(each.name for each in record.fields if each.operators)
        raise FilterInvalid(
            gettext("There is no such field to filter by."), extra={**extra, "allowed": allowed}
        )
    operator = field.operator(str(operator_name))
    if operator is None:
        raise FilterInvalid(
            gettext("The field cannot be compared in this way."),
            extra={**extra, "allowed": [each.name for each in field.operators]},
        )
    if operator.takes == "none":
        # A query parameter always has a value: only "true" means the operator alone.
        if not all(value is True or value == "true" for value in values):
            raise FilterInvalid(
                gettext("The field cannot be compared with this value."), extra=extra
            )
        return Condition(field, operator)
    most = MAX_VALUES if operator.takes_many else 1
    if not 1 <= len(values) <= most or not all(isinstance(value, str) for value in values):
        raise FilterInvalid(gettext("The condition needs a value."), extra=extra)
    try:
        field.parse(operator, values)
    except InvalidValue as error:
        raise FilterInvalid(
            gettext("The field cannot be compared with this value."), extra=extra
        ) from error
    return Condition(field, operator, tuple(values))


def unvalidated_json(record: "Record", given: QueryDict) -> dict[str, Any]:
    """Return a refused filter of query parameters as JSON, for the dialog that corrects it.

    Conditions of unknown fields and operators are dropped; values are not checked.
    """
    parts: list[dict[str, Any]] = []
    with suppress(NotJson):
        part = _unvalidated_part(record, read_json(given.get(WHERE, "")), depth=1)
        parts += [part] if part else []
    for name in given:
        column, separator, operator = name.rpartition("__")
        data = {"field": column, "op": operator, "value": given.getlist(name)}
        if separator and (part := _unvalidated_part(record, data, depth=1)):
            parts.append(part)
    return parts[0] if len(parts) == 1 and "field" not in parts[0] else {"all": parts}


def _unvalidated_part(record: "Record", data: Any, *, depth: int) -> dict[str, Any] | None:
    if not isinstance(data, Mapping) or depth > MAX_DEPTH:
        return None
    for key in ("all", "any"):
        if isinstance(data.get(key), list):
            parts = (_unvalidated_part(record, each, depth=depth + 1) for each in data[key])
            return {key: [part for part in parts if part]}
    name, value = data.get("field"), data.get("value", [])
    field = record.field(name) if isinstance(name, str) else None
    operator = field.operator(str(data.get("op"))) if field else None
    if field is None or operator is None:
        return None
    values = [str(each) for each in (value if isinstance(value, list) else [value])]
    condition: dict[str, Any] = {"field": field.name, "op": operator.name}
    if operator.takes_many:
        return {**condition, "value": values}
    return {**condition, "value": values[0]} if values else condition


def query_string(parameters: Iterable[tuple[str, str]]) -> str:
    return f"?{urlencode(list(parameters))}"
