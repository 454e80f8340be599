"""Text that was stored before it was normalized: for migrations."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, Q

logger = logging.getLogger(__name__)


def normalize_rows(
    model: type[Model], forms: Mapping[str, Callable[[str], str]], only: Q | None = None
) -> int:
    """Bring columns to their forms, row by row; return how many rows were changed.

    A row that would then be the same as another one stays as it is and is reported by its id:
    nobody is merged silently. Columns hold text or lists of texts.
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
        try:
            with transaction.atomic():
                model._default_manager.filter(pk=pk).update(**changes)
        except IntegrityError:
            logger.warning(
                "A row stays as it was typed: normalized it would be the same as another one.",
                extra={
                    "metadata": {
                        "action": "text.normalize",
                        "table": model._meta.db_table,
                        "row": str(pk),
                        "columns": sorted(changes),
                    }
                },
            )
        else:
            count += 1
    return count


def _in_form(form: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, list):
        return [form(each) for each in value]
    return form(value) if isinstance(value, str) else value
