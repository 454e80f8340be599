"""The jobs of imports: reading a file, previewing and storing its rows, undoing what they did.

The preview does what the run does and rolls it back, so that it says what will become of each row.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core import quotas, stored_text
from crm.core.database.locks import lock_until_commit
from crm.core.jobs.kinds import (
    JobKind,
    JobReport,
    Run,
    Step,
    Steps,
    counts_in,
    register_kind,
)
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
from crm.core.transfer.outcomes import FAULTY, Outcome, Report, errors_of, shown
from crm.core.transfer.reading import read_table
from crm.core.transfer.rows import RowImporter
from crm.core.transfer.storage import store_packed, write_parts
from crm.core.transfer.tables import Table, looks_joined
from crm.core.transfer.undoing import journal_of, undo_entries

# A part of the rows holds at most so many rows, and one row more than so many bytes of text.
BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024
# What is read in one step: the first of these that is reached ends it.
PARTS_AT_ONCE = 10
STEP_BYTES = 8 * 1024 * 1024
STEP_SECONDS = 5.0
# Parts of keys that are read in one step.
PARTS_SKIPPED = 100
SAMPLE = 3
# Rows with letters beyond ASCII that the sample has, too: in another encoding they look wrong.
LETTERS = 2


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
    sample, joined = _Sample(), _Joined()
    rows = size = 0
    parts: list[tuple[PartKind, int, bytes]] = []
    since = time.monotonic()
    for number, (batch, batch_size) in enumerate(_batches(table.rows)):
        rows += len(batch)
        sample.add(batch)
        joined.add(batch, table)
        if number < stored:
            continue
        parts.append((PartKind.ROWS, number, ImportPart.packed(batch)))
        size += batch_size
        is_long = time.monotonic() - since >= STEP_SECONDS
        if len(parts) >= PARTS_AT_ONCE or size >= STEP_BYTES or is_long:
            # At the end of the step: others wait for the room until its commit.
            store_packed(found, parts)
            yield Step(done=rows, checkpoint=number + 1)
            parts, size, since = [], 0, time.monotonic()
    store_packed(found, parts)
    if not rows:
        raise ImportFileInvalid(gettext("The file has no rows below the names of its columns."))
    found = _of(run)
    found.encoding, found.delimiter = table.encoding, table.delimiter
    found.columns, found.rows, found.sample = _shown_names(table.columns), rows, sample.rows()
    found.joined_cells, found.joined_row = joined.cells, joined.first_row
    found.mapping = guess_mapping(get_record(found.record), found.columns)
    found.save()
    run.job.done = run.job.total = rows
    return {"rows": rows}


def _shown_names(columns: Sequence[str]) -> list[str]:
    """Return the names of columns as they are shown, different ones after the cut, too."""
    names: list[str] = []
    for number, column in enumerate(columns, 1):
        name = shown(column)
        names.append(f"{name} ({number})" if name != column and name in names else name)
    return names


class _Sample:
    """The first rows of a table; and of the others the first and the last with letters beyond
    ASCII.
    """

    def __init__(self) -> None:
        self._first: list[list[str]] = []
        self._lettered: list[list[str]] = []

    def add(self, batch: list[tuple[int, list[str]]]) -> None:
        for _number, cells in batch:
            if len(self._first) < SAMPLE:
                self._first.append(cells)
            elif not all(cell.isascii() for cell in cells):
                self._lettered[LETTERS - 1 :] = [cells]

    def rows(self) -> list[list[str]]:
        """Return them as they are shown."""
        return [list(map(shown, cells)) for cells in self._first + self._lettered]


class _Joined:
    """How many cells look like rows that a missing quotation mark joined, and the first one's row;
    0 without one.
    """

    def __init__(self) -> None:
        self.cells = self.first_row = 0

    def add(self, batch: list[tuple[int, list[str]]], table: Table) -> None:
        for number, cells in batch:
            count = sum(looks_joined(cell, table.delimiter, len(table.columns)) for cell in cells)
            if count and not self.cells:
                self.first_row = number
            self.cells += count


def _batches(
    rows: Iterator[tuple[int, list[str]]],
) -> Iterator[tuple[list[tuple[int, list[str]]], int]]:
    """Yield parts of the rows, each with the bytes of its text."""
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += sum(len(cell.encode()) for cell in row[1])
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch, size
            batch, size = [], 0
    if batch:
        yield batch, size


def _check(run: Run) -> Steps:
    return _go_through(run, is_preview=True)


def _run(run: Run) -> Steps:
    return _go_through(run, is_preview=False)


def _go_through(run: Run, *, is_preview: bool) -> Steps:
    found = _of(run)
    record = get_record(found.record)
    importer = RowImporter(
        by=run.by,
        record=record,
        mapping=found.mapping,
        mode=ImportMode(found.mode),
        key=found.key,
        is_workbook=not found.encoding,
    )
    first, report, text = 0, Report(), 0
    if run.job.checkpoint is not None:
        first, report = run.job.checkpoint["next"], Report(**run.job.checkpoint["report"])
        # Of a job that began before text was counted, none.
        text = run.job.checkpoint.get("text", 0)
        for number, keys in enumerate(ImportPart.read(found, PartKind.KEYS, last=first), 1):
            importer.skip(keys)
            if number % PARTS_SKIPPED == 0:
                yield Step(done=report.total, total=found.rows, checkpoint=run.job.checkpoint)
    for number, rows in enumerate(ImportPart.read(found, PartKind.ROWS, first=first), first):
        require_import(run.by, record)
        if is_preview:
            outcomes, size = _previewed(run, importer, rows, ahead=report.created, text=text)
            text += size
            write_parts(found, [(PartKind.KEYS, number, importer.new_keys(outcomes))])
        else:
            _lock(found)
            # The run has the keys of the preview: it goes through the same rows in the same way.
            (keys,) = ImportPart.read(found, PartKind.KEYS, first=number, last=number + 1)
            outcomes = importer.run(run.by, rows, previewed=keys)
            faulty = [
                [*each.cells, _reason(record, each)] for each in outcomes if each.kind == FAULTY
            ]
            journal = journal_of(record, outcomes)
            write_parts(
                found, [(PartKind.JOURNAL, number, journal), (PartKind.FAULTS, number, faulty)]
            )
        for outcome in outcomes:
            report.add(record, outcome)
        checkpoint = {"next": number + 1, "report": report.stored(), "text": text}
        yield Step(done=report.total, total=found.rows, checkpoint=checkpoint)
    return report.stored()


def _previewed(
    run: Run, importer: RowImporter, rows: Any, *, ahead: int, text: int
) -> tuple[list[Outcome], int]:
    """Return what would become of rows, and by how many bytes the stored text would grow, where
    ``ahead`` rows with ``text`` bytes stand before them.
    """
    organization_id = run.job.organization_id
    with transaction.atomic(), stored_text.written_ahead(text):
        before = quotas.measured(stored_text.METRIC, organization_id)
        outcomes = importer.run(run.by, rows, ahead=ahead)
        size = quotas.measured(stored_text.METRIC, organization_id) - before
        transaction.set_rollback(True)
    return outcomes, size


def _lock(found: Import) -> None:
    """Lock out other imports, which look up rows and store them, until the step is committed."""
    lock_until_commit("import", found.organization_id, found.record)


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


def _ended(
    done: ImportState,
    otherwise: ImportState,
    *,
    keep: str = "",
    partial: PartKind | None = None,
) -> Callable[[Job], None]:
    """Return what an import becomes when its job ends; ``keep`` holds the job's result, and
    ``partial`` are the parts that are of no use unless all of them were written.
    """

    def end(job: Job) -> None:
        # The import has the report; the job is kept for longer, with its counts.
        Job.objects.filter(pk=job.pk).update(result=_counts(job.result), checkpoint=None)
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
        if found.state == ImportState.UNDONE:
            found.parts.all().delete()
        if partial is not None and not is_done:
            found.parts.filter(kind=partial).delete()
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
    report = job.result or (job.checkpoint or {}).get("report", {})
    return {"of": job.data["record"], **_counts(report)}


def _counts(report: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report.items() if isinstance(count, int)}


def _report(job: Job) -> JobReport:
    checkpoint = job.checkpoint or {}
    return JobReport(
        counts_in(job.result or checkpoint.get("report") or checkpoint.get("counts") or {})
    )


def _kind(name: str, label: Any, title: Any, run: Callable[[Run], Steps], **more: Any) -> JobKind:
    return register_kind(
        JobKind(
            name=f"transfer.{name}",
            label=label,
            title=_titled(title),
            run=run,
            may_fetch=_may_fetch,
            url=_url,
            report=_report,
            **more,
        )
    )


READ_FILE = _kind(
    "read_file",
    _("Reading of a file"),
    _("Reading %(file)s"),
    _read,
    is_counted=False,
    # Whoever uploads a file waits for it on the page.
    is_notified=False,
    ended=_ended(ImportState.MAPPING, ImportState.FAILED, partial=PartKind.ROWS),
)
CHECK = _kind(
    "check_import",
    _("Check of an import"),
    _("Checking %(file)s"),
    _check,
    is_counted=False,
    ended=_ended(ImportState.CHECKED, ImportState.MAPPING, keep="preview", partial=PartKind.KEYS),
)
RUN = _kind(
    "import",
    _("Import"),
    _("Import of %(file)s"),
    _run,
    audited_as="import",
    audited=_audited,
    ended=_ended(ImportState.DONE, ImportState.CHECKED, keep="report"),
)
UNDO = _kind(
    "undo_import",
    _("Undoing of an import"),
    _("Undoing the import of %(file)s"),
    _undo,
    is_counted=False,
    audited_as="import_undo",
    audited=_audited,
    ended=_ended(ImportState.UNDONE, ImportState.DONE, keep="undo_report"),
)
