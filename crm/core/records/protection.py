"""Protection of rows from deletion by an undo, by apps above (a legal hold, for example)."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db.models import Model

# (organization id, model, ids) -> ids of the protected rows.
Protection = Callable[[UUID, type[Model], Collection[Any]], Collection[Any]]

_protections: list[Protection] = []


def register_protection(protection: Protection) -> Protection:
    _protections.append(protection)
    return protection


def protected_rows(organization_id: UUID, model: type[Model], ids: Collection[Any]) -> set[Any]:
    """Return those ids whose rows are protected."""
    found: set[Any] = set()
    for protection in _protections:
        found.update(protection(organization_id, model, ids))
    return found
