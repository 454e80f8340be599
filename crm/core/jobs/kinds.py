"""Kinds of jobs: what an app declares of its long work.

    register_kind(JobKind(name="compliance.audit_export", label=_("Export of the audit"), run=…))

``run`` is a generator. What it does between two ``yield``s is one transaction, committed together
with the `Step` that it yields; a worker that is killed loses at most that. The next worker calls it
again, with the last checkpoint in ``run.job.checkpoint``. What it returns is the job's result.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from crm.core.jobs.models import Job, JobChunk
from crm.core.permissions import Principal

RESULT = "result"


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: ``done`` of ``total`` units, None while unknown. ``checkpoint`` is JSON."""

    done: int
    total: int | None = None
    checkpoint: Any = None
    stage: str = ""


@dataclass(slots=True)
class Run:
    """A job as its generator sees it; both members are read anew before each step.

    ``by`` is who started it, with their present rights.
    """

    job: Job
    by: Principal

    def append(self, content: bytes, file: str = RESULT) -> None:
        """Add a chunk to a file of the job, in the step's transaction."""
        number = self.job.files.get(file, 0)
        JobChunk.objects.create(
            organization_id=self.job.organization_id,
            job=self.job,
            file=file,
            number=number,
            content=content,
        )
        self.job.files[file] = number + 1


Steps = Generator[Step, None, Mapping[str, Any] | None]


def _as_it_is(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return chunks


@dataclass(frozen=True, slots=True)
class FileInfo:
    """How a file is downloaded; ``wrap`` makes the sent bytes of the stored chunks."""

    name: str
    content_type: str
    wrap: Callable[[Iterator[bytes]], Iterator[bytes]] = _as_it_is


def _nothing(_job: Job) -> Any:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """The declaration of a kind.

    ``may_fetch(principal, job)`` says whether somebody who sees the job may see what it read: its
    files and its report. ``file(job, name)`` describes a file, and ``file_permissions(job)`` names
    the permissions (of Django's) that an operator needs to read one. ``title(job)`` names the job
    in the active language, ``url(job)`` leads to what it works on. ``template`` shows the report on
    its page. ``audited_as`` is the object type in the audit and ``audited(job)`` the details.
    ``ended(job)`` runs in the transaction of the end, however it ends. At most ``most_active`` of
    an organization are unfinished; those that are ``is_counted`` use up the plan's tasks.
    """

    name: str
    label: Any
    run: Callable[[Run], Steps]
    may_fetch: Callable[[Principal, Job], bool]
    file: Callable[[Job, str], FileInfo] | None = None
    file_permissions: Callable[[Job], Collection[str]] | None = None
    title: Callable[[Job], str] | None = None
    url: Callable[[Job], str | None] = _nothing
    template: str = ""
    audited_as: str = ""
    audited: Callable[[Job], Mapping[str, Any]] = field(default=lambda _job: {})
    ended: Callable[[Job], None] = _nothing
    most_active: int = 3
    is_counted: bool = True

    def __post_init__(self) -> None:
        if self.file is not None and self.file_permissions is None:
            raise ValueError(f"{self.name}: nothing says which operators may read its file.")

    def title_of(self, job: Job) -> str:
        return self.title(job) if self.title else str(self.label)


_kinds: dict[str, JobKind] = {}
_contexts: list[Callable[[Job], AbstractContextManager[None]]] = []


def register_kind(kind: JobKind) -> JobKind:
    _kinds[kind.name] = kind
    return kind


def find_kind(name: str) -> JobKind | None:
    """Return a registered kind, None for one of another release."""
    return _kinds.get(name)


def job_kinds() -> list[JobKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def register_context(context: Callable[[Job], AbstractContextManager[None]]) -> None:
    """Register a context that every job runs in, e.g. whose work it is."""
    _contexts.append(context)


def contexts_of(job: Job) -> list[AbstractContextManager[None]]:
    return [context(job) for context in _contexts]
