"""What services of pipelines and stages share: locked rows and their order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm.core.errors import NotFound
from crm.core.permissions import Principal
from crm.core.records.services import locked_row
from crm.core.versions import raised
from crm.deals.models import SalesSetting


def locked_setting(
    model: type[SalesSetting],
    missing: type[NotFound],
    *,
    by: Principal,
    pk: UUID,
    version: int | None,
) -> Any:
    """Return a locked row. Raise the error for a missing one, Forbidden and EditedMeanwhile."""
    try:
        return locked_row(model, by=by, pk=pk, version=version)
    except NotFound:
        raise missing from None


def next_position(rows: Sequence[SalesSetting]) -> int:
    return max((each.position for each in rows), default=0) + 1


def put_at(row: SalesSetting, others: Sequence[SalesSetting], position: int) -> None:
    """Store the positions of a row at the place ``position``, from 1 on, and of the others."""
    place = min(max(position, 1), len(others) + 1) - 1
    ordered = [*others[:place], row, *others[place:]]
    for number, each in enumerate(ordered, 1):
        if each.position != number:
            each.position = number
            rows = type(each)._base_manager.filter(pk=each.pk)
            rows.update(position=number, **raised(type(each)))
            each.refresh_from_db(fields=["version"])
