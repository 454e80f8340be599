"""Actions on more rows than one request takes: a job, and another one that undoes it."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.errors import AppError
from crm.core.ids import uuid7
from crm.core.jobs.kinds import JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job
from crm.core.jobs.services import start_job
from crm.core.permissions import WRITE, Principal, require
from crm.core.records.bulk import ChosenRow, TooManyRows, as_json, from_json, run_bulk
from crm.core.records.lists import ListState, exact_state
from crm.core.records.record import BulkAction, find_record, get_record
from crm.core.undo.services import UNDO_FOR, UndoNotFound, undo

MOST_ROWS = 100_000
# Rows of a step, which is one transaction.
BATCH = 200


def count_for_job(state: ListState, by: Principal) -> int:
    """Return the number of rows of a list. Raise TooManyRows."""
    count = state.rows(by).order_by().values("pk")[: MOST_ROWS + 1].count()
    if count > MOST_ROWS:
        text = gettext("At most %(count)s can be changed at once. Narrow the list.")
        raise TooManyRows(text % {"count": number_format(MOST_ROWS, force_grouping=True)})
    return count


def start_bulk(
    *, by: Principal, state: ListState, action: BulkAction, values: Mapping[str, Any]
) -> Job:
    """Start an action on all rows of a list. Raise Forbidden, TooManyJobs or QuotaExceeded."""
    record = state.record
    require(by, record.area, WRITE)
    data = {
        "record": record.slug,
        "action": action.key,
        "values": {name: as_json(value) for name, value in values.items()},
        "list": state.stored(),
        # Ids grow with time: what is added meanwhile was not meant.
        "until": str(uuid7()),
    }
    return start_job(by=by, kind=BULK, data=data)


def start_undo(*, by: Principal, job: Job) -> Job:
    """Undo a job of the principal that ended, also one that was cancelled on its way.

    Raise UndoNotFound after an hour, or where nothing was done.
    """
    is_late = not job.finished_at or job.finished_at < timezone.now() - UNDO_FOR
    if job.kind != BULK.name or is_late or not job.is_own_of(by):
        raise UndoNotFound
    if not (actions := _actions_of(job)):
        raise UndoNotFound
    return start_job(
        by=by, kind=UNDO, data={**job.data, "actions": actions, "since": job.created_at.isoformat()}
    )


def _run(run: Run) -> Steps:
    data = run.job.data
    record = get_record(data["record"])
    action = record.bulk_action(data["action"])
    values = from_json(record, data["values"])
    rows = exact_state(record, data["list"]).rows(run.by).filter(pk__lte=UUID(data["until"]))
    reached = run.job.checkpoint or {"counts": {}, "left_out": {}, "actions": [], "last": ""}
    counts, left_out = Counter(reached["counts"]), Counter(reached["left_out"])
    actions, last = list(reached["actions"]), reached["last"]
    total = run.job.total or rows.order_by().count()
    while True:
        later = rows.filter(pk__gt=UUID(last)) if last else rows
        found = list(later.order_by("pk").values_list("pk", "version")[:BATCH])
        if not found:
            return {**counts, "left_out": dict(left_out), "actions": actions}
        chosen = [ChosenRow(pk, version) for pk, version in found]
        result = run_bulk(by=run.by, record=record, action=action, chosen=chosen, values=values)
        counts.update(done=result.done, same=result.same)
        left_out.update(each.error.message for each in result.left_out)
        if result.action_id:
            actions.append(str(result.action_id))
        last = str(found[-1][0])
        yield Step(
            done=counts["done"] + counts["same"] + left_out.total(),
            total=total,
            checkpoint={
                "counts": dict(counts),
                "left_out": dict(left_out),
                "actions": actions,
                "last": last,
            },
        )


def _undo(run: Run) -> Steps:
    actions, since = run.job.data["actions"], datetime.fromisoformat(run.job.data["since"])
    for number in range(run.job.checkpoint or 0, len(actions)):
        # Of a batch that somebody changed as a whole, nothing is left to undo.
        with suppress(AppError):
            undo(by=run.by, action_id=UUID(actions[number]), since=since)
        yield Step(done=number + 1, total=len(actions), checkpoint=number + 1)
    return None


def _may_fetch(principal: Principal, job: Job) -> bool:
    record = find_record(job.data["record"])
    return record is not None and principal.may(record.area)


def _title(job: Job) -> str:
    record = get_record(job.data["record"])
    return f"{record.label}: {record.bulk_action(job.data['action']).label}"


def _undo_title(job: Job) -> str:
    return gettext("Undo of “%(title)s”") % {"title": _title(job)}


def may_undo(job: Job) -> bool:
    """Return whether a job's report offers undo; `start_undo` decides."""
    is_recent = job.finished_at is not None and job.finished_at > timezone.now() - UNDO_FOR
    return is_recent and bool(_actions_of(job))


def _actions_of(job: Job) -> list[str]:
    """Return the ids of what a job did, also of one that ended on its way."""
    actions: list[str] = (job.result or job.checkpoint or {}).get("actions", [])
    return actions


BULK = register_kind(
    JobKind(
        name="records.bulk",
        label=_("Change of many entries"),
        title=_title,
        run=_run,
        may_fetch=_may_fetch,
        url=lambda job: get_record(job.data["record"]).list_url,
        template="records/_bulk_report.html",
    )
)
UNDO = register_kind(
    JobKind(
        name="records.undo_bulk",
        label=_("Undo of a change of many entries"),
        title=_undo_title,
        run=_undo,
        may_fetch=_may_fetch,
        url=lambda job: get_record(job.data["record"]).list_url,
        is_counted=False,
    )
)
