"""The jobs of imports: reading a file, previewing and storing its rows, undoing what they did.

The preview does what the run does and rolls it back, so that it says what will become of each row.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.jobs.kinds import JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job, JobState
from crm.core.permissions import WRITE, Level, Principal, require
from crm.core.records import Record, find_record, get_record
from crm.core.text.normalization import isolate
from crm.core.transfer.errors import ImportFileInvalid, ImportNotFound
from crm.core.transfer.mapping import guess_mapping
from crm.core.transfer.models import (
    ENDED,
    Import,
    ImportMode,
    ImportPart,
    ImportState,
    PartKind,
)
from crm.core.transfer.rows import (
    FAULTY,
    Outcome,
    Report,
    RowImporter,
    errors_of,
)
from crm.core.transfer.tables import read_table
from crm.core.transfer.undoing import journal_of, undo_entries

BATCH = 500
# Parts that are read in one step.
PARTS_AT_ONCE = 10
# Parts of keys that are read in one step.
PARTS_SKIPPED = 100
SAMPLE = 3


def may_import(principal: Principal, record: Record) -> bool:
    """Return whether the principal may change every row, and is a person."""
    has_level = principal.may(record.area, WRITE, Level.ALL)
    return bool(record.import_keys) and principal.user_id is not None and has_level


def require_import(by: Principal, record: Record) -> None:
    """Raise ImportNotFound for a record without import, else Forbidden."""
    if not record.import_keys or by.user_id is None:
        raise ImportNotFound
    require(by, record.area, WRITE, Level.ALL)


def _of(run: Run) -> Import:
    found = Import.objects.get(pk=run.job.data["import"])
    require_import(run.by, get_record(found.record))
    return found


def _read(run: Run) -> Steps:
    """Store the rows of the file as texts. Parsing begins anew after an interruption."""
    found = _of(run)
    source = found.parts.filter(kind=PartKind.SOURCE).order_by("number")
    content = b"".join(bytes(part) for part in source.values_list("content", flat=True))
    table = read_table(content, encoding=found.encoding, delimiter=found.delimiter)
    stored = run.job.checkpoint or 0
    sample: list[list[str]] = []
    rows = 0
    for number, batch in enumerate(_batches(table.rows)):
        rows += len(batch)
        sample = sample or [cells for _number, cells in batch[:SAMPLE]]
        if number >= stored:
            ImportPart.write(found, PartKind.ROWS, number, batch)
            if (number + 1) % PARTS_AT_ONCE == 0:
                yield Step(done=rows, checkpoint=number + 1)
    if not rows:
        raise ImportFileInvalid(gettext("The file has no rows below the names of its columns."))
    found = _of(run)
    found.encoding, found.delimiter, found.columns = table.encoding, table.delimiter, table.columns
    found.rows, found.sample = rows, sample
    found.mapping = guess_mapping(get_record(found.record), table.columns)
    found.save()
    run.job.done = run.job.total = rows
    return {"rows": rows}


def _batches(rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _check(run: Run) -> Steps:
    return _go_through(run, is_preview=True)


def _run(run: Run) -> Steps:
    return _go_through(run, is_preview=False)


def _go_through(run: Run, *, is_preview: bool) -> Steps:
    found = _of(run)
    record = get_record(found.record)
    importer = RowImporter(
        record=record, mapping=found.mapping, mode=ImportMode(found.mode), key=found.key
    )
    first, report = 0, Report()
    if run.job.checkpoint is not None:
        first, report = run.job.checkpoint["next"], Report(**run.job.checkpoint["report"])
        for number, keys in enumerate(ImportPart.read(found, PartKind.KEYS, last=first), 1):
            importer.skip(keys)
            if number % PARTS_SKIPPED == 0:
                yield Step(done=report.total, total=found.rows, checkpoint=run.job.checkpoint)
    for number, rows in enumerate(ImportPart.read(found, PartKind.ROWS, first=first), first):
        require_import(run.by, record)
        if is_preview:
            outcomes = _previewed(run, importer, rows, report.created)
            ImportPart.write(found, PartKind.KEYS, number, importer.new_keys(outcomes))
        else:
            _lock(found)
            # The run has the keys of the preview: it goes through the same rows in the same way.
            (keys,) = ImportPart.read(found, PartKind.KEYS, first=number, last=number + 1)
            outcomes = importer.run(run.by, rows, previewed=keys)
            faulty = [
                [*each.cells, _reason(record, each)] for each in outcomes if each.kind == FAULTY
            ]
            ImportPart.write(found, PartKind.JOURNAL, number, journal_of(record, outcomes))
            ImportPart.write(found, PartKind.FAULTS, number, faulty)
        for outcome in outcomes:
            report.add(record, outcome)
        checkpoint = {"next": number + 1, "report": report.stored()}
        yield Step(done=report.total, total=found.rows, checkpoint=checkpoint)
    return report.stored()


def _previewed(run: Run, importer: RowImporter, rows: Any, ahead: int) -> list[Outcome]:
    with transaction.atomic():
        outcomes = importer.run(run.by, rows, ahead=ahead)
        transaction.set_rollback(True)
    return outcomes


def _lock(found: Import) -> None:
    """Let one import at a time look up rows and store them, until the step is committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"import|{found.organization_id}|{found.record}"],
        )


def _reason(record: Record, outcome: Outcome) -> str:
    return "; ".join(
        f"{heading}: {text}" if heading else text for heading, text in errors_of(record, outcome)
    )


def _undo(run: Run) -> Steps:
    """Go through the journal from its end."""
    found = _of(run)
    record = get_record(found.record)
    parts = found.parts.filter(kind=PartKind.JOURNAL).count()
    checkpoint = run.job.checkpoint or {"left": parts, "counts": {}}
    counts = Counter(checkpoint["counts"])
    for number in range(checkpoint["left"] - 1, -1, -1):
        require_import(run.by, record)
        (entries,) = ImportPart.read(found, PartKind.JOURNAL, first=number, last=number + 1)
        counts += undo_entries(run.by, record, entries)
        yield Step(
            done=parts - number, total=parts, checkpoint={"left": number, "counts": dict(counts)}
        )
    return dict(counts)


# --- Their kinds ----------------------------------------------------------------------------------


def _ended(done: ImportState, otherwise: ImportState, keep: str = "") -> Callable[[Job], None]:
    """Return what an import becomes when its job ends; ``keep`` holds the job's result."""

    def end(job: Job) -> None:
        found = Import.objects.select_for_update(no_key=True).filter(pk=job.data["import"]).first()
        if found is None or found.job_id != job.pk:
            return
        is_done = job.state == JobState.DONE
        found.state = done if is_done else otherwise
        if done == ImportState.DONE and job.checkpoint is not None:
            # What was imported until it was cancelled stays, and can be undone.
            found.state = ImportState.DONE
        if keep:
            setattr(
                found, keep, job.result if is_done else (job.checkpoint or {}).get("report", {})
            )
        if found.state == ImportState.DONE and found.rows_left:
            found.state = ImportState.STOPPED
        if found.state in ENDED and done == ImportState.DONE:
            found.finished_at = timezone.now()
            # An undo needs the journal, and whoever corrects the faulty rows those.
            found.parts.exclude(kind__in=[PartKind.JOURNAL, PartKind.FAULTS]).delete()
        found.save()

    return end


def _may_fetch(principal: Principal, job: Job) -> bool:
    record = find_record(job.data["record"])
    return record is not None and may_import(principal, record)


def _url(job: Job) -> str:
    return reverse("transfer:import", args=[job.data["import"]])


def _titled(text: Any) -> Callable[[Job], str]:
    return lambda job: str(text) % {"file": isolate(job.data["file"])}


def _audited(job: Job) -> Mapping[str, Any]:
    counts = job.result or (job.checkpoint or {}).get("report", {})
    told = {name: count for name, count in counts.items() if isinstance(count, int)}
    return {"of": job.data["record"], **told}


def _kind(name: str, title: Any, run: Callable[[Run], Steps], **more: Any) -> JobKind:
    return register_kind(
        JobKind(
            name=f"transfer.{name}",
            label=title,
            title=_titled(title),
            run=run,
            may_fetch=_may_fetch,
            url=_url,
            **more,
        )
    )


READ_FILE = _kind(
    "read_file",
    _("Reading %(file)s"),
    _read,
    is_counted=False,
    ended=_ended(ImportState.MAPPING, ImportState.FAILED),
)
CHECK = _kind(
    "check_import",
    _("Checking %(file)s"),
    _check,
    is_counted=False,
    ended=_ended(ImportState.CHECKED, ImportState.MAPPING, "preview"),
)
RUN = _kind(
    "import",
    _("Import of %(file)s"),
    _run,
    audited_as="import",
    audited=_audited,
    ended=_ended(ImportState.DONE, ImportState.CHECKED, "report"),
)
UNDO = _kind(
    "undo_import",
    _("Undoing the import of %(file)s"),
    _undo,
    is_counted=False,
    audited_as="import_undo",
    audited=_audited,
    ended=_ended(ImportState.UNDONE, ImportState.DONE, "undo_report"),
)
