"""Numbers that apps above give for the operator's overview; each is bounded by who gives it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

# Nobody reads on a page whether there are more; to count them would take seconds.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Number:
    """``count`` counts at most `MOST` and asks PostgreSQL alone."""

    label: str | Promise
    icon: str
    count: Callable[[], int]


_numbers: list[Number] = []


def register(number: Number) -> None:
    """Add a statistic to the overview, once per process."""
    _numbers.append(number)


def registered() -> list[Number]:
    return list(_numbers)
