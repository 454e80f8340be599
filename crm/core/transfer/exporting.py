"""Export of a record's list, as a job: the rows that it has when the job begins, in their order.

Which rows these are is stored first, by their ids: an edit meanwhile may move a row to another
place of the list, or out of it. Each is written as it is when its turn comes.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.jobs.kinds import FileInfo, JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job, JobChunk
from crm.core.jobs.services import start_job
from crm.core.permissions import READ, Level, Module, Principal, require
from crm.core.records import Field, ListState, Record, RecordField, get_record, parse_json
from crm.core.records.lists import exact_state
from crm.core.records.serializers import member_of, serializer_of
from crm.core.transfer.errors import ExportTooLong
from crm.core.transfer.formats import MAX_SHEET_ROWS, Format, file_info, head_of, rows_of

BATCH = 1_000
# The chunks of ids, in the job's files until it ends.
_IDS = "ids"


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
    data["areas"] = {
        each.area: by.level(each.area, READ).key
        for each in _related_records(record, stored["columns"])
    }
    return start_job(by=by, kind=EXPORT, data=data)


def _related_records(record: Record, columns: Sequence[str]) -> list[Record]:
    """Return the records of other areas whose rows are named in these columns."""
    fields = (record.field(name) for name in columns)
    found = (get_record(each.record) for each in fields if isinstance(each, RecordField))
    return [each for each in found if each.area != record.area]


def _write(run: Run) -> Steps:
    data = run.job.data
    record, form = get_record(data["record"]), Format(data["format"])
    state = exact_state(record, data["list"])
    columns = state.shown_columns
    names = [_name(record, field, form) for field in columns]
    if run.job.checkpoint is None:
        require(run.by, record.area, READ, Level.ALL)
        total = _store_ids(run, state)
        if form == Format.XLSX and total > MAX_SHEET_ROWS:
            raise ExportTooLong
        run.append(head_of(form, names, has_bom=data["has_bom"]).encode())
        yield Step(done=0, total=total, checkpoint=0)
    for number in range(run.job.checkpoint, run.job.files.get(_IDS, 0)):
        require(run.by, record.area, READ, Level.ALL)
        found = _rows(run, record, number)
        cells = _members if form == Format.JSONL else _cells
        run.append(rows_of(form, names, cells(record, columns, names, found)).encode())
        yield Step(done=run.job.done + len(found), checkpoint=number + 1)
    run.job.chunks.filter(file=_IDS).delete()
    run.job.files.pop(_IDS, None)
    # What was deleted meanwhile is missing.
    run.job.total = run.job.done
    return {"rows": run.job.done}


def _store_ids(run: Run, state: ListState) -> int:
    """Store the ids of the rows, in their order, BATCH in each chunk. Return how many there are.

    One statement sees all rows at one moment, and none of them leaves the database.
    """
    place = Window(RowNumber(), order_by=list(state.order))
    rows = state.rows(run.by).order_by().annotate(place=place).values_list("pk", "place")
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        # A filter that no row can meet.
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {JobChunk._meta.db_table}
                (id, organization_id, job_id, file, number, content)
            SELECT gen_random_uuid(), %s, %s, %s, (place - 1) / %s,
                convert_to(string_agg(pk::text, ',' ORDER BY place), 'UTF8')
            FROM ({sql}) AS found (pk, place)
            GROUP BY 5
            """,  # noqa: S608  the statement that Django makes of the list
            [run.job.organization_id, run.job.pk, _IDS, BATCH, *parameters],
        )
        chunks = int(cursor.rowcount)
    if not chunks:
        return 0
    run.job.files[_IDS] = chunks
    return (chunks - 1) * BATCH + len(_ids(run, chunks - 1))


def _ids(run: Run, number: int) -> list[str]:
    chunk = run.job.chunks.get(file=_IDS, number=number)
    return bytes(chunk.content).decode().split(",")


def _rows(run: Run, record: Record, number: int) -> list[Any]:
    ids = _ids(run, number)
    found = {str(row.pk): row for row in record.visible_to(run.by).filter(pk__in=ids)}
    return [found[pk] for pk in ids if pk in found]


def _name(record: Record, field: Field, form: Format) -> str:
    """Return a column's name: what programs read has that of the API, what people read theirs."""
    return member_of(record, field) if form == Format.JSONL else field.heading


def _cells(
    _record: Record, columns: Sequence[Field], names: Sequence[str], rows: Sequence[Any]
) -> list[dict[str, Any]]:
    return [
        {name: each.exported(row) for name, each in zip(names, columns, strict=True)}
        for row in rows
    ]


def _members(
    record: Record, _columns: Sequence[Field], names: Sequence[str], rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """Return what the API says of the rows, in its zone."""
    with timezone.override(UTC):
        found = serializer_of(record)(rows, many=True).data
    return [{name: each[name] for name in names} for each in found]


def _title(job: Job) -> str:
    return gettext("Export: %(list)s") % {"list": get_record(job.data["record"]).label}


def _may_fetch(principal: Principal, job: Job) -> bool:
    """Return whether the principal may see all that the file names: also rows of other areas, as
    far as its starter saw them.
    """
    is_starter = job.is_own_of(principal)
    named = {Module(area): Level.of(key) for area, key in job.data["areas"].items()}
    return may_export(principal, get_record(job.data["record"])) and all(
        principal.may(area, READ, level if is_starter else Level.ALL)
        for area, level in named.items()
        if level > Level.NONE
    )


def _file_permissions(job: Job) -> list[str]:
    record, areas = get_record(job.data["record"]), job.data["areas"]
    related = _related_records(record, job.data["list"]["columns"])
    told = [each for each in related if Level.of(areas[each.area]) > Level.NONE]
    return sorted({each.view_permission for each in [record, *told]})


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
