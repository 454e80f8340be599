"""Bulk actions on more rows than one request handles, as a job; and a job that undoes one."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.ids import moment_of, uuid7
from crm.core.jobs.errors import JobNotUndoable
from crm.core.jobs.kinds import (
    JobKind,
    JobReport,
    Run,
    Step,
    Steps,
    counts_in,
    register_job_undo,
    register_kind,
)
from crm.core.jobs.models import Job
from crm.core.jobs.services import start_job
from crm.core.models import UndoableAction
from crm.core.permissions import WRITE, Principal, require
from crm.core.records.bulk import NO_VERSION, ChosenRow, TooManyRows, run_bulk
from crm.core.records.lists import ListState, exact_state
from crm.core.records.record import BulkAction, find_record, get_record
from crm.core.records.undo_values import as_json, from_json
from crm.core.undo.services import UNDO_FOR, UndoImpossible, UndoNotFound, undo

MAX_ROWS = 100_000
# Rows of a step, which is one transaction.
BATCH = 200


def count_for_job(state: ListState, by: Principal) -> int:
    """Return the number of rows of a list. Raise TooManyRows."""
    count = state.rows(by).order_by().values("pk")[: MAX_ROWS + 1].count()
    if count > MAX_ROWS:
        text = gettext("At most %(count)s can be changed at once. Narrow the list.")
        raise TooManyRows(text % {"count": number_format(MAX_ROWS, force_grouping=True)})
    return count


def start_bulk(
    *,
    by: Principal,
    state: ListState,
    action: BulkAction,
    values: Mapping[str, Any],
    asked: UUID | None = None,
) -> Job:
    """Start a job for an action on all rows of a list.

    ``asked`` is a UUIDv7 of the moment when the user was asked to confirm; rows that were added or
    changed since are left out.

    Raise Forbidden, TooManyJobs or QuotaExceeded.
    """
    record = state.record
    require(by, record.area, WRITE)
    data = {
        "record": record.slug,
        "action": action.key,
        "values": {name: as_json(value) for name, value in values.items()},
        "list": state.stored(),
        # UUIDv7 keys grow with time, so this excludes rows that are added later.
        "until": str(min(asked or uuid7(), uuid7())),
    }
    return start_job(by=by, kind=BULK, data=data)


def start_undo(*, by: Principal, job: Job) -> Job:
    """Start a job that undoes an ended job of the principal, also a cancelled one.

    Raise UndoNotFound after an hour, or where nothing was done.
    """
    is_late = not job.finished_at or job.finished_at < timezone.now() - UNDO_FOR
    if job.kind != BULK.name or is_late or not job.is_own_of(by):
        raise UndoNotFound
    waiting = {str(pk) for pk in _waiting(job).values_list("pk", flat=True)}
    # The last one first, as within an action.
    if not (actions := [each for each in reversed(_actions_of(job)) if each in waiting]):
        raise UndoNotFound
    return start_job(
        by=by, kind=UNDO, data={**job.data, "actions": actions, "since": job.created_at.isoformat()}
    )


def _run(run: Run) -> Steps:
    data = run.job.data
    record = get_record(data["record"])
    action = record.bulk_action(data["action"])
    values = from_json(record, data["values"])
    until = UUID(data["until"])
    # A UUIDv7 has milliseconds: changes within that millisecond may precede the question.
    asked_at = moment_of(until) + timedelta(milliseconds=1)
    rows = exact_state(record, data["list"]).rows(run.by).filter(pk__lte=until)
    reached = run.job.checkpoint or {"counts": {}, "left_out": {}, "actions": [], "last": ""}
    counts, left_out = Counter(reached["counts"]), Counter(reached["left_out"])
    actions, last = list(reached["actions"]), reached["last"]
    total = run.job.total or rows.order_by().count()
    while True:
        later = rows.filter(pk__gt=UUID(last)) if last else rows
        found = list(later.order_by("pk").values_list("pk", "version", "updated_at")[:BATCH])
        if not found:
            return {**counts, "left_out": dict(left_out), "actions": actions}
        chosen = [
            ChosenRow(pk, version if updated_at <= asked_at else NO_VERSION)
            for pk, version, updated_at in found
        ]
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
    reached = run.job.checkpoint or {"next": 0, "done": 0, "left": 0}
    done, left = reached["done"], reached["left"]
    for number in range(reached["next"], len(actions)):
        try:
            undone = undo(by=run.by, action_id=UUID(actions[number]), since=since)
            done, left = done + undone.done, left + undone.left
        except UndoImpossible:
            left += _size_of(run.by.organization_id, actions[number])
        yield Step(
            done=number + 1,
            total=len(actions),
            checkpoint={"next": number + 1, "done": done, "left": left},
        )
    return {"done": done, "left": left}


def _waiting(job: Job) -> QuerySet[UndoableAction]:
    """Return the actions of a job that are not undone yet."""
    done = UndoableAction.objects.filter(organization_id=job.organization_id)
    return done.filter(pk__in=_actions_of(job), undone_at__isnull=True)


def _size_of(organization_id: UUID, action_id: str) -> int:
    """Return how many rows an action changed."""
    action = UndoableAction.objects.get(organization_id=organization_id, pk=action_id)
    return len(action.data["changes"]) + len(action.data["deletions"])


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
    if job.finished_at is None or job.finished_at < timezone.now() - UNDO_FOR:
        return False
    return _waiting(job).exists()


def _actions_of(job: Job) -> list[str]:
    """Return the ids of a job's actions, also if it did not finish."""
    actions: list[str] = (job.result or job.checkpoint or {}).get("actions", [])
    return actions


def _undo_job(*, by: Principal, job: Job) -> Job:
    require(by, get_record(job.data["record"]).area, WRITE)
    try:
        return start_undo(by=by, job=job)
    except UndoNotFound as error:
        raise JobNotUndoable from error


def _report(job: Job) -> JobReport:
    reached = job.checkpoint or {}
    result = job.result or {**reached.get("counts", {}), "left_out": reached.get("left_out", {})}
    return JobReport(counts_in(result), result["left_out"])


BULK = register_kind(
    JobKind(
        name="records.bulk",
        label=_("Change of many entries"),
        title=_title,
        run=_run,
        may_fetch=_may_fetch,
        url=lambda job: get_record(job.data["record"]).list_url,
        template="records/_bulk_report.html",
        report=_report,
    )
)
register_job_undo(BULK, _undo_job)
UNDO = register_kind(
    JobKind(
        name="records.undo_bulk",
        label=_("Undo of a change of many entries"),
        title=_undo_title,
        run=_undo,
        may_fetch=_may_fetch,
        url=lambda job: get_record(job.data["record"]).list_url,
        template="records/_bulk_undo_report.html",
        is_counted=False,
    )
)
