"""Text that was stored before it was normalized: for migrations."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.db.models import Model, Q

logger = logging.getLogger(__name__)


def normalize_rows(
    model: type[Model], forms: Mapping[str, Callable[[str], str]], only: Q | None = None
) -> int:
    """Bring columns to their forms, row by row; return how many rows were changed.

    A column stays as it is, and is reported with the id of its row, where the row would then be the
    same as another one (nobody is merged silently) or its text too long: a few letters of Unicode
    grow when they are composed. Columns hold text, or lists of texts,
    which lose what is blank or stands there already.
    """
    count = 0
    rows = model._default_manager.filter(only or Q()).order_by("pk").values_list("pk", *forms)
    for pk, *values in rows.iterator(chunk_size=2000):
        changes = {
            name: changed
            for (name, form), value in zip(forms.items(), values, strict=True)
            if (changed := _in_form(form, value)) != value
        }
        if not changes:
            continue
        kept = _kept_columns(model, pk, changes)
        if kept:
            logger.warning(
                "A row stays as it was typed: normalized it would be the same as another one, or "
                "too long.",
                extra={
                    "metadata": {
                        "action": "text.normalize",
                        "table": model._meta.db_table,
                        "row": str(pk),
                        "columns": kept,
                    }
                },
            )
        count += len(kept) < len(changes)
    return count


def _kept_columns(model: type[Model], pk: Any, changes: Mapping[str, Any]) -> list[str]:
    """Store the changes, all at once where possible; return the columns that refused theirs."""
    if _is_stored(model, pk, changes):
        return []
    if len(changes) == 1:
        return list(changes)
    return sorted(
        name for name, value in changes.items() if not _is_stored(model, pk, {name: value})
    )


def _is_stored(model: type[Model], pk: Any, changes: Mapping[str, Any]) -> bool:
    try:
        with transaction.atomic():
            model._default_manager.filter(pk=pk).update(**changes)
    except (IntegrityError, DataError):
        return False
    return True


def _in_form(form: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, list):
        return list(dict.fromkeys(each for each in map(form, value) if each))
    return form(value) if isinstance(value, str) else value
