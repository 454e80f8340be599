"""The banner of nearly used up quotas, precomputed so that a page needs no query."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache

from crm.billing.metrics import Metric

# Refreshed by the sweep long before; what nobody refreshes any more is not shown for ever.
_KEPT_SECONDS = 3 * 3600


@dataclass(frozen=True, slots=True)
class Warned:
    """A quota of which ``level`` (80 or 100) per cent or more is used."""

    metric: str
    level: int


def show(organization_id: UUID, warned: list[Warned]) -> None:
    if warned:
        cache.set(_key(organization_id), [asdict(each) for each in warned], _KEPT_SECONDS)
    else:
        forget(organization_id)


def shown(organization_id: UUID) -> list[Warned]:
    kept: Any = cache.get(_key(organization_id))
    if not isinstance(kept, list):
        return []
    return [each for stored in kept if (each := _read(stored)) is not None]


def forget(organization_id: UUID) -> None:
    cache.delete(_key(organization_id))


def _read(stored: Any) -> Warned | None:
    match stored:
        case {"metric": str(metric), "level": int(level)} if metric in Metric.values:
            return Warned(metric=metric, level=level)
    return None


def _key(organization_id: UUID) -> str:
    return f"billing:banner:{organization_id.hex}"
