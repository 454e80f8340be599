"""Results of the last reconciliations and audit verifications."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.operations.models import CheckKind, CheckRun

KEPT_OF_EACH = 100
# Of what was found, enough to begin to look; the command itself lists all of it.
FOUND_SHOWN = 100


@transaction.atomic
def record_run(
    *,
    kind: CheckKind,
    started_at: datetime,
    examined: int,
    differences: int,
    repaired: int = 0,
    counts: Mapping[str, int],
    found: Sequence[Mapping[str, Any]] = (),
) -> CheckRun:
    """Store the summary of a run; ``found`` identifies records by id without their content.

    Old runs of the same kind are deleted.
    """
    run = CheckRun.objects.create(
        kind=kind,
        started_at=started_at,
        finished_at=timezone.now(),
        examined=examined,
        differences=differences,
        repaired=repaired,
        counts=dict(counts),
        found=[dict(each) for each in found[:FOUND_SHOWN]],
    )
    of_kind = CheckRun.objects.filter(kind=kind)
    newest = list(of_kind.order_by("-pk").values_list("pk", flat=True)[:KEPT_OF_EACH])
    of_kind.exclude(pk__in=newest).delete()
    return run


def last_runs() -> dict[str, CheckRun | None]:
    """Return the latest run of each kind."""
    return {
        kind.value: CheckRun.objects.filter(kind=kind).order_by("-pk").first() for kind in CheckKind
    }
