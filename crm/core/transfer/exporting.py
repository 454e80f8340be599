"""Export of a record's list, as a job: its rows in its order, by keyset, as they are now."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.jobs.kinds import FileInfo, JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job
from crm.core.jobs.services import start_job
from crm.core.permissions import READ, Level, Principal, require
from crm.core.records import Field, ListState, Record, get_record, parse_json
from crm.core.records.lists import exact_state
from crm.core.transfer.errors import ExportTooLong
from crm.core.transfer.formats import MAX_SHEET_ROWS, Format, file_info, head_of, rows_of

BATCH = 1_000


def may_export(principal: Principal, record: Record) -> bool:
    """Return whether the principal may read every row: a file is taken along."""
    return principal.may(record.area, READ, Level.ALL)


def start_export(
    *, by: Principal, state: ListState, form: Format, has_bom: bool, all_columns: bool
) -> Job:
    """Start an export of a list's rows. Raise Forbidden, TooManyJobs or QuotaExceeded."""
    record = state.record
    require(by, record.area, READ, Level.ALL)
    stored = state.stored()
    if all_columns:
        stored["columns"] = [field.name for field in record.fields]
    data = {"record": record.slug, "format": form, "has_bom": has_bom, "list": stored}
    return start_job(by=by, kind=EXPORT, data=data)


def _write(run: Run) -> Steps:
    data = run.job.data
    record, form = get_record(data["record"]), Format(data["format"])
    state = exact_state(record, data["list"])
    columns = state.shown_columns
    names = [_name(field, form) for field in columns]
    total, done = state.rows(run.by).order_by().count(), run.job.done
    if form == Format.XLSX and total > MAX_SHEET_ROWS:
        raise ExportTooLong
    if run.job.checkpoint is None:
        run.append(head_of(form, names, has_bom=data["has_bom"]).encode())
    cursor = run.job.checkpoint
    while True:
        require(run.by, record.area, READ, Level.ALL)
        page = state.page(run.by, cursor or "", limit=BATCH)
        rows = [
            {name: _value(each, row, form) for name, each in zip(names, columns, strict=True)}
            for row in page.rows
        ]
        run.append(rows_of(form, names, rows).encode())
        done += len(rows)
        cursor = page.next_cursor
        if cursor is None:
            run.job.done = run.job.total = done
            return {"rows": done}
        yield Step(done=done, total=total, checkpoint=cursor)


def _name(field: Field, form: Format) -> str:
    """Return a column's name: what programs read has that of the API, what people read theirs."""
    return field.name if form == Format.JSONL else field.heading


def _value(field: Field, row: Any, form: Format) -> Any:
    return getattr(row, field.name) if form == Format.JSONL else field.exported(row)


def _title(job: Job) -> str:
    return gettext("Export: %(list)s") % {"list": get_record(job.data["record"]).label}


def _may_fetch(principal: Principal, job: Job) -> bool:
    return may_export(principal, get_record(job.data["record"]))


def _file_permissions(job: Job) -> list[str]:
    return [get_record(job.data["record"]).view_permission]


def _file(job: Job, _name: str) -> FileInfo:
    name = f"{job.data['record']}-{job.created_at:%Y%m%d-%H%M%S}"
    return file_info(Format(job.data["format"]), name)


def _audited(job: Job) -> dict[str, Any]:
    """Return what stands in the audit: no value of a filter, which may be somebody's name."""
    stored = job.data["list"]
    where = parse_json(get_record(job.data["record"]), stored["where"])
    return {
        "of": job.data["record"],
        "format": job.data["format"],
        "columns": stored["columns"],
        "filtered_by": sorted({each.field.name for each in where.conditions()}),
        "is_searched": bool(stored["search"]),
        "entries": job.result.get("rows", job.done),
    }


EXPORT = register_kind(
    JobKind(
        name="transfer.export",
        label=_("Export"),
        run=_write,
        may_fetch=_may_fetch,
        file=_file,
        file_permissions=_file_permissions,
        title=_title,
        audited_as="export",
        audited=_audited,
    )
)
