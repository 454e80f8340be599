"""Registry of gauges of the apps above; `/health/deep` and `/metrics` read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Measure = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Gauge:
    """``measure`` returns values by label; a single value has the empty label."""

    name: str
    meaning: str
    label: str
    measure: Measure


_figures: dict[str, Gauge] = {}


def register(*, name: str, meaning: str, measure: Measure, label: str = "") -> None:
    """Register a gauge, once per process; it is exposed as the metric ``nf_<name>``."""
    _figures[name] = Gauge(name=name, meaning=meaning, label=label, measure=measure)


def registered() -> list[Gauge]:
    return list(_figures.values())
