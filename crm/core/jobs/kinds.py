"""Kinds of jobs: the declaration and registry of long background work.

    register_kind(JobKind(name="compliance.audit_export", label=_("Export of the audit"), run=…))

``run`` is a generator. What it does between two ``yield``s is one transaction, committed together
with the `Step` that it yields; a worker that is killed loses at most that. The next worker calls it
again with the last checkpoint in ``run.job.checkpoint``. Its return value is the job's result.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from crm.core.jobs.models import Job, JobChunk
from crm.core.permissions import Principal

RESULT = "result"
# Bytes of a file in one row, which a download holds in memory.
CHUNK = 512 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: ``done`` of ``total`` units (None while unknown).

    ``checkpoint`` is JSON, from which the next worker continues; ``stage`` is a key for display.
    """

    done: int
    total: int | None = None
    checkpoint: Any = None
    stage: str = ""


@dataclass(slots=True)
class Run:
    """The argument of a job's generator; both members are reloaded before each step.

    ``by`` is the principal that started the job, with its current permissions.
    """

    job: Job
    by: Principal

    def append(self, content: bytes, file: str = RESULT) -> None:
        """Add to a file of the job, in the step's transaction."""
        for start in range(0, len(content), CHUNK):
            number = self.job.files.get(file, 0)
            JobChunk.objects.create(
                organization_id=self.job.organization_id,
                job=self.job,
                file=file,
                number=number,
                content=content[start : start + CHUNK],
            )
            self.job.files[file] = number + 1


Steps = Generator[Step, None, Mapping[str, Any] | None]


def _unchanged(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return chunks


@dataclass(frozen=True, slots=True)
class FileInfo:
    """How a file is downloaded; ``wrap`` converts the stored chunks to the bytes that are sent."""

    name: str
    content_type: str
    wrap: Callable[[Iterator[bytes]], Iterator[bytes]] = _unchanged


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of how many units, by name; and how many were left out for which reason."""

    counts: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def counts_in(result: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of a job's result."""
    return {name: value for name, value in result.items() if type(value) is int}


def _none(_job: Job) -> Any:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """The declaration of a kind.

    ``may_fetch(principal, job)`` decides whether a principal that sees the job may see its title,
    error, files and report; ``label`` says nothing of what it works on. ``file(job, name)``
    describes a file, and ``file_permissions(job)`` returns the Django permissions that an operator
    needs to read one. ``title(job)`` is in the active language, ``url(job)`` the page of what the
    job works on. ``template`` renders the report.
    ``audited_as`` is the object type in the audit, ``audited(job)`` its details without personal
    values. ``ended(job)`` runs in the transaction that ends the job in any state. At most
    ``most_active`` jobs of an organization are unfinished; ``is_counted`` jobs count against the
    plan.
    Whoever started one that ``is_notified`` hears of its end. ``report(job)`` are the numbers of
    its report.
    """

    name: str
    label: Any
    run: Callable[[Run], Steps]
    may_fetch: Callable[[Principal, Job], bool]
    file: Callable[[Job, str], FileInfo] | None = None
    file_permissions: Callable[[Job], Collection[str]] | None = None
    title: Callable[[Job], str] | None = None
    url: Callable[[Job], str | None] = _none
    template: str = ""
    audited_as: str = ""
    audited: Callable[[Job], Mapping[str, Any]] = field(default=lambda _job: {})
    ended: Callable[[Job], None] = _none
    report: Callable[[Job], JobReport] = lambda job: JobReport(counts_in(job.result))
    most_active: int = 3
    is_counted: bool = True
    is_notified: bool = True

    def __post_init__(self) -> None:
        if self.file is not None and self.file_permissions is None:
            raise ValueError(f"{self.name}: nothing says which operators may read its file.")

    def title_of(self, job: Job) -> str:
        return self.title(job) if self.title else str(self.label)


_kinds: dict[str, JobKind] = {}
_undos: dict[str, Callable[..., Job]] = {}
_contexts: list[Callable[[Job], AbstractContextManager[None]]] = []


def register_kind(kind: JobKind) -> JobKind:
    _kinds[kind.name] = kind
    return kind


def find_kind(name: str) -> JobKind | None:
    """Return a registered kind; None for a job that another release stored."""
    return _kinds.get(name)


def job_kinds() -> list[JobKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def register_job_undo(kind: JobKind, start: Callable[..., Job]) -> None:
    """Register what starts the job that undoes one of a kind: ``start(by=, job=)``.

    It checks the permission, and raises JobNotUndoable.
    """
    _undos[kind.name] = start


def undo_of(kind: str) -> Callable[..., Job] | None:
    return _undos.get(kind)


def register_context(context: Callable[[Job], AbstractContextManager[None]]) -> None:
    """Register a context manager that every job runs in, e.g. the actor of the audit."""
    _contexts.append(context)


def contexts_of(job: Job) -> list[AbstractContextManager[None]]:
    return [context(job) for context in _contexts]
