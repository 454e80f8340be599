"""Figures over deals: each is the sum of a filter of the list of deals, which it opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import Q

from crm.core.money import PLACES, UNITS
from crm.core.permissions import Principal
from crm.core.records import ListState, get_record, parse_json

# Deals in stages of at least this probability, in percent, are counted on.
COMMIT_FROM = 70
Where = Mapping[str, Any]


class Measure(StrEnum):
    """What is summed: amounts, amounts by the probability of their stages, or what is counted on:
    deals that were won, and open ones of at least COMMIT_FROM.
    """

    TOTAL = "total"
    WEIGHTED = "weighted"
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of deals and an amount in the organization's currency; ``where`` is the filter that
    finds them, as JSON.
    """

    where: Where
    count: int = 0
    amount: Decimal = Decimal(0)

    @property
    def url(self) -> str:
        return list_url(self.where)


def list_url(where: Where) -> str:
    """Return the address of the list of deals under a filter."""
    record = get_record("deals")
    state = ListState(record, where=parse_json(record, where))
    return f"{record.list_url}{state.url()}"


def condition(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    found = {"field": field, "op": operator}
    return found if value is None else {**found, "value": value}


def all_of(*parts: Where) -> dict[str, Any]:
    """Return the filter that all parts must hold; one of all parts holds them itself."""
    found: list[Where] = []
    for part in parts:
        if part:
            found += part.get("all", [part])
    return {"all": found}


def q_of(where: Where, reader: Principal) -> Q:
    """Return the condition of a filter, as the list compiles it."""
    return parse_json(get_record("deals"), where).q(reader)


def amount_of(units: Any, *, parts: int = 1) -> Decimal:
    """Return an amount from a sum of units, of which ``parts`` make one."""
    return (Decimal(units or 0) / UNITS / parts).quantize(Decimal(1).scaleb(-PLACES))


def status_is(*statuses: str) -> dict[str, Any]:
    return condition("status", "in", list(statuses))
