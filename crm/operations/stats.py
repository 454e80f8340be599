"""Registry of statistics of the apps above for the overview; each must be bounded."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

# Nobody reads on a page whether there are more; to count them would take seconds.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Stat:
    """``count`` counts at most `MOST`, with one query of PostgreSQL."""

    label: str | Promise
    icon: str
    count: Callable[[], int]


_numbers: list[Stat] = []


def register(number: Stat) -> None:
    """Add a statistic to the overview, once per process."""
    _numbers.append(number)


def registered() -> list[Stat]:
    return list(_numbers)
