"""Operators of filters: only those that an index can serve under row-level security."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.records.periods import days_of, days_until, last_days, period


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: ``name`` in URLs and JSON; ``sentence`` contains %(field)s and %(value)s.

    ``takes`` is the kind of input: "none", "text", "number", "amount", "moment", "days", "period",
    "record" (ids) or "choices"; of the last two several. ``build(column, values)`` returns the Q
    object for parsed values.
    """

    name: str
    label: Any
    sentence: Any
    takes: str
    build: Callable[[str, list[Any]], Q]

    @property
    def takes_many(self) -> bool:
        return self.takes in {"choices", "record"}


def equal(column: str, values: list[Any]) -> Q:
    return Q(**{column: values[0]})


def _among(column: str, values: list[Any]) -> Q:
    return Q(**{f"{column}__in": values})


IS = Operator("is", _("is"), _("%(field)s is %(value)s"), "text", equal)
IS_NOT = Operator(
    "not", _("is not"), _("%(field)s is not %(value)s"), "text", lambda c, v: ~equal(c, v)
)
IN = Operator("in", _("is one of"), _("%(field)s is %(value)s"), "choices", _among)
NOT_IN = Operator(
    "not_in",
    _("is none of"),
    _("%(field)s is not %(value)s"),
    "choices",
    lambda c, v: ~_among(c, v),
)
EMPTY = Operator(
    "empty", _("is empty"), _("%(field)s is empty"), "none", lambda c, _v: Q(**{c: ""})
)
FILLED = Operator(
    "filled", _("is filled in"), _("%(field)s is filled in"), "none", lambda c, _v: ~Q(**{c: ""})
)
GTE = Operator(
    "gte",
    _("on or after"),
    _("%(field)s on or after %(value)s"),
    "moment",
    lambda c, v: Q(**{f"{c}__gte": v[0]}),
)
LT = Operator(
    "lt",
    _("before"),
    _("%(field)s before %(value)s"),
    "moment",
    lambda c, v: Q(**{f"{c}__lt": v[0]}),
)
LAST = Operator(
    "last",
    _("in the last days"),
    _("%(field)s in the last %(value)s"),
    "days",
    lambda c, v: Q(**{f"{c}__gte": last_days(v[0])}),
)
# Of columns that may be NULL.
UNSET = replace(EMPTY, build=lambda c, _v: Q(**{f"{c}__isnull": True}))
SET = replace(FILLED, build=lambda c, _v: Q(**{f"{c}__isnull": False}))
YES = Operator("yes", _("yes"), _("%(field)s: yes"), "none", lambda c, _v: Q(**{c: True}))
NO = Operator("no", _("no"), _("%(field)s: no"), "none", lambda c, _v: Q(**{c: False}))
NUMBER_GTE = Operator(
    "gte",
    _("at least"),
    _("%(field)s at least %(value)s"),
    "number",
    lambda c, v: Q(**{f"{c}__gte": v[0]}),
)
NUMBER_LTE = Operator(
    "lte",
    _("at most"),
    _("%(field)s at most %(value)s"),
    "number",
    lambda c, v: Q(**{f"{c}__lte": v[0]}),
)
DURING = Operator(
    "during", _("during"), _("%(field)s: %(value)s"), "period", lambda c, v: _during(c, v[0])
)


def _during(column: str, name: str) -> Q:
    start, end = period(name)
    return Q(**{f"{column}__gte": start, f"{column}__lt": end})


DAY_DURING = replace(DURING, build=lambda c, v: _between(c, days_of(v[0])))
DAYS_AHEAD = Operator(
    "next",
    _("in the next days"),
    _("%(field)s in the next %(value)s"),
    "days",
    lambda c, v: _between(c, days_until(v[0])),
)


def _between(column: str, days: tuple[date, date]) -> Q:
    return Q(**{f"{column}__gte": days[0], f"{column}__lt": days[1]})
