"""Services of imports: upload, reading, mapping, preview, run, undo; what takes long is a job."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Length
from django.utils import timezone, translation
from django.utils.translation import gettext

from crm.core import tenancy
from crm.core.database.locks import lock_until_commit
from crm.core.jobs.errors import JobNotUndoable
from crm.core.jobs.kinds import FileInfo, JobKind, register_job_undo
from crm.core.jobs.models import Job
from crm.core.jobs.services import start_job
from crm.core.jobs.signals import job_event
from crm.core.permissions import Principal
from crm.core.records import Record, find_record, get_record
from crm.core.transfer.errors import (
    ImportFileInvalid,
    ImportMappingInvalid,
    ImportNotFound,
    ImportNotReady,
    ImportPartTooSmall,
    TooManyChecks,
    TooManyImports,
)
from crm.core.transfer.formats import Format, file_info, head_of, rows_of
from crm.core.transfer.import_jobs import CHECK, READ_FILE, RUN, UNDO, require_import
from crm.core.transfer.mapping import fields_of
from crm.core.transfer.models import (
    DISCARDABLE,
    ENDED,
    Import,
    ImportMode,
    ImportPart,
    ImportQuerySet,
    ImportState,
    PartKind,
)
from crm.core.transfer.storage import require_room
from crm.core.transfer.tables import MAX_BYTES

UPLOADED_AT_ONCE = 512 * 1024
# Of a part that is not the last one: a file is a bounded number of rows of the database.
SMALLEST_PART = 64 * 1024
# Characters of a text that is pasted.
MAX_PASTED = 500_000
UNDO_FOR = timedelta(days=30)
UNFINISHED_KEPT = timedelta(days=7)
# Of one person, who can discard them.
MAX_UNFINISHED = 10
# What an organization has read and checked in an hour; none of it uses up the plan's tasks.
MAX_LOOKS = 60
MAX_ROWS_LOOKED_AT = 1_000_000
LOOKED_AT_WITHIN = timedelta(hours=1)


@transaction.atomic
def start_import(*, by: Principal, record: Record, file_name: str, size: int) -> Import:
    """Begin an import, whose file comes with `add_content`.

    Raise ImportFileInvalid, TooManyImports and ImportsFull.
    """
    require_import(by, record)
    # Of those who count at the same moment, one goes on.
    lock_until_commit("imports", by.organization_id)
    if unfinished_of(by).count() >= MAX_UNFINISHED:
        raise TooManyImports
    if not 0 < size <= MAX_BYTES:
        raise ImportFileInvalid(
            gettext("The file is larger than %(most)d MB, or empty. Import it in several parts.")
            % {"most": MAX_BYTES // 1024**2}
        )
    require_room(by.organization_id, size)
    return Import.objects.create(
        organization_id=by.organization_id,
        record=record.slug,
        started_by_id=by.user_id,
        file_name=file_name[-255:],
        size=size,
    )


@transaction.atomic
def add_content(*, by: Principal, import_id: UUID, number: int, content: bytes) -> Import:
    """Add a part of the file, in order; after the last one it is read. Safe to repeat.

    Its room was taken when the import began. Raise ImportNotReady for a part that is not the next
    one, and ImportPartTooSmall for one below SMALLEST_PART that is not the last.
    """
    found = _locked(by, import_id)
    lengths = _lengths(found)
    if number < len(lengths) and lengths[number] == len(content):
        return found
    received = sum(lengths) + len(content)
    if found.state != ImportState.UPLOADING or number != len(lengths) or received > found.size:
        raise ImportNotReady
    if received < found.size and len(content) < SMALLEST_PART:
        raise ImportPartTooSmall
    ImportPart.objects.create(
        organization_id=found.organization_id,
        of=found,
        kind=PartKind.SOURCE,
        number=number,
        content=content,
    )
    if received == found.size:
        _begin(by, found, READ_FILE, ImportState.READING)
    return found


@transaction.atomic
def start_pasted(*, by: Principal, record: Record, text: str) -> Import:
    """Begin an import of rows that were pasted, in any form that the record's ``table_of`` reads.

    Raise what `start_import` does.
    """
    content = record.table_of(text).encode()
    found = start_import(by=by, record=record, file_name=gettext("Pasted text"), size=len(content))
    return add_content(by=by, import_id=found.pk, number=0, content=content)


def source_text(*, by: Principal, import_id: UUID) -> str:
    """Return the file of an import that was not read, for its text to be corrected; "" of one that
    is no text in UTF-8, or longer than what can be pasted.
    """
    found = visible_import(by, import_id)
    if found.state != ImportState.FAILED or found.size > 4 * MAX_PASTED:
        return ""
    source = found.parts.filter(kind=PartKind.SOURCE).order_by("number")
    try:
        text = b"".join(map(bytes, source.values_list("content", flat=True))).decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    return "" if len(text) > MAX_PASTED or "\x00" in text else text


@transaction.atomic
def read_again(
    *, by: Principal, import_id: UUID, seen: UUID | None, encoding: str, delimiter: str
) -> Import:
    """Read the file in another encoding, or with another delimiter.

    Here and below, ``seen`` is the job whose result was looked at. Raise ImportNotReady where
    another one came after it.
    """
    found = _locked(by, import_id)
    _require(found, seen, ImportState.MAPPING, ImportState.CHECKED, ImportState.FAILED)
    found.encoding, found.delimiter = encoding, delimiter
    found.parts.filter(kind=PartKind.ROWS).delete()
    _begin(by, found, READ_FILE, ImportState.READING)
    return found


@transaction.atomic
def check_import(
    *,
    by: Principal,
    import_id: UUID,
    seen: UUID | None,
    mapping: Sequence[str],
    mode: ImportMode,
    key: str,
) -> Import:
    """Store which column is which field, and preview the result. Raise ImportMappingInvalid."""
    found = _locked(by, import_id)
    _require(found, seen, ImportState.MAPPING, ImportState.CHECKED)
    record = get_record(found.record)
    chosen = [name for name in mapping if name]
    known = {each.name for each in fields_of(record)}
    is_usable = chosen and len(set(chosen)) == len(chosen) and set(chosen) <= known
    if not is_usable or len(mapping) != len(found.columns):
        raise ImportMappingInvalid
    if key and (record.import_key(key) is None or key not in chosen):
        raise ImportMappingInvalid(
            gettext(
                "Choose a column for the field by which entries are matched, or choose "
                "“Nothing: every row is new”."
            )
        )
    if not key and mode != ImportMode.CREATE:
        raise ImportMappingInvalid(
            gettext("To update existing entries, choose the field they are matched by.")
        )
    found.mapping, found.mode, found.key, found.preview = list(mapping), mode, key, {}
    found.parts.filter(kind=PartKind.KEYS).delete()
    _begin(by, found, CHECK, ImportState.CHECKING)
    return found


@transaction.atomic
def run_import(*, by: Principal, import_id: UUID, seen: UUID | None) -> Import:
    """Import the rows of a checked import, as its preview shows them: in its language, too, by
    which days and numbers are read.
    """
    found = _locked(by, import_id)
    _require(found, seen, ImportState.CHECKED)
    language = found.job.language_code if found.job else translation.get_language()
    with translation.override(language):
        _begin(by, found, RUN, ImportState.RUNNING)
    return found


@transaction.atomic
def discard_import(*, by: Principal, import_id: UUID, seen: UUID | None) -> Import:
    """Delete an import of which nothing was stored, with its file. Return it."""
    found = _locked(by, import_id)
    _require(found, seen, *DISCARDABLE)
    Import.objects.filter(pk=found.pk).delete()
    return found


@transaction.atomic
def fetch_faults(*, by: Principal, import_id: UUID) -> tuple[FileInfo, Iterator[bytes]]:
    """Return the faulty rows with their reasons, a table to be corrected and imported again; that
    they were fetched is sent to receivers of `job_event`. Raise ImportNotReady.
    """
    found = visible_import(by, import_id)
    if found.job is None or not has_faults(found):
        raise ImportNotReady
    job_event.send(sender=Job, job=found.job, event="fetched")
    name = f"{found.record}-faulty-{found.created_at:%Y%m%d-%H%M%S}"
    return file_info(Format.CSV, name), _faults_of(found)


def has_faults(found: Import) -> bool:
    """Return whether the faulty rows can be fetched: until an undo is asked for."""
    is_last = found.job is not None and found.job.kind == RUN.name
    return is_last and found.state in ENDED and bool(found.report.get("faulty"))


def _faults_of(found: Import) -> Iterator[bytes]:
    reason = gettext("Reason")
    while reason in found.columns:
        reason += "*"
    return _table_of(found, [*found.columns, reason])


def _table_of(found: Import, columns: Sequence[str]) -> Iterator[bytes]:
    """Yield the table part by part: a download goes on after the request and its scope are over."""
    yield head_of(Format.CSV, columns).encode()
    parts = ImportPart.read(found, PartKind.FAULTS)
    while True:
        with tenancy.organization(found.organization_id):
            rows = next(parts, None)
        if rows is None:
            return
        named = (dict(zip(columns, cells, strict=True)) for cells in rows)
        yield rows_of(Format.CSV, columns, named).encode()


@transaction.atomic
def undo_import(*, by: Principal, import_id: UUID, seen: UUID | None) -> Import:
    """Undo an import: what it created goes, what it changed is put back, unless it was changed or
    used since.
    """
    found = _locked(by, import_id)
    _require(found, seen, *ENDED)
    if not is_undoable(found):
        raise ImportNotReady
    _begin(by, found, UNDO, ImportState.UNDOING)
    return found


def _undo_job(*, by: Principal, job: Job) -> Job:
    found = visible_import(by, UUID(job.data["import"]))
    try:
        begun = undo_import(by=by, import_id=found.pk, seen=found.job_id)
    except ImportNotReady as error:
        raise JobNotUndoable from error
    assert begun.job is not None  # noqa: S101  it was begun
    return begun.job


register_job_undo(RUN, _undo_job)


def is_undoable(found: Import) -> bool:
    is_late = found.finished_at is None or found.finished_at < timezone.now() - UNDO_FOR
    return found.state in ENDED and not is_late


def unfinished_of(by: Principal) -> ImportQuerySet:
    """Return the principal's own imports of which nothing was stored yet."""
    return Import.objects.filter(
        organization_id=by.organization_id, started_by_id=by.user_id
    ).unfinished()


def visible_import(by: Principal, import_id: UUID) -> Import:
    """Return an import, to those who may import into its record. Raise ImportNotFound."""
    found = Import.objects.visible_to(by).select_related("job", "started_by")
    return _required(by, found.filter(pk=import_id).first())


def purge_imports() -> None:
    """Delete imports that nobody finished, and those that can no longer be undone."""
    now = timezone.now()
    Import.objects.unfinished().filter(created_at__lt=now - UNFINISHED_KEPT).delete()
    Import.objects.filter(finished_at__lt=now - UNDO_FOR).exclude(
        state=ImportState.UNDOING
    ).delete()


def _locked(by: Principal, import_id: UUID) -> Import:
    found = Import.objects.visible_to(by).select_for_update(no_key=True)
    return _required(by, found.filter(pk=import_id).first())


def _required(by: Principal, found: Import | None) -> Import:
    record = find_record(found.record) if found else None
    if found is None or record is None:
        raise ImportNotFound
    require_import(by, record)
    return found


def _require(found: Import, seen: UUID | None, *states: ImportState) -> None:
    if found.state not in states or found.job_id != seen:
        raise ImportNotReady


def _lengths(found: Import) -> list[int]:
    parts = found.parts.filter(kind=PartKind.SOURCE).order_by("number")
    return list(parts.values_list(Length("content"), flat=True))


def _begin(by: Principal, found: Import, kind: JobKind, state: ImportState) -> None:
    """Start the job of a state. Several imports of an organization may wait at once.

    Raise TooManyChecks where much was read and checked of late.
    """
    if kind in {READ_FILE, CHECK}:
        lock_until_commit("imports", found.organization_id)
        _check_looks(found.organization_id)
    data = {"import": str(found.pk), "record": found.record, "file": found.file_name}
    found.state, found.job = state, start_job(by=by, kind=kind, data=data)
    found.save()


def _check_looks(organization_id: UUID) -> None:
    since = timezone.now() - LOOKED_AT_WITHIN
    looks = Job.objects.filter(
        organization_id=organization_id,
        kind__in=[READ_FILE.name, CHECK.name],
        created_at__gt=since,
    ).aggregate(count=Count("pk"), rows=Sum("done", default=0))
    if looks["count"] >= MAX_LOOKS or looks["rows"] >= MAX_ROWS_LOOKED_AT:
        raise TooManyChecks
