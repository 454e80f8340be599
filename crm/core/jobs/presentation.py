"""Jobs for display on pages and in the API."""

from collections.abc import Iterable
from dataclasses import dataclass

from crm.core.jobs.kinds import RESULT, JobKind, JobReport, find_kind
from crm.core.jobs.models import Job, JobState
from crm.core.permissions import Principal


@dataclass(frozen=True, slots=True)
class PresentedJob:
    """A job for one reader; without ``may_fetch`` only its kind and progress are shown."""

    job: Job
    kind: JobKind | None
    may_fetch: bool

    @property
    def title(self) -> str:
        """Return the title, which may name a file; without ``may_fetch`` the kind's label."""
        if self.kind is None:
            return self.job.kind
        return self.kind.title_of(self.job) if self.may_fetch else str(self.kind.label)

    @property
    def error(self) -> str:
        """Return why it failed, which may quote a file; without ``may_fetch`` the code alone."""
        return self.job.error if self.may_fetch else self.job.error_code

    @property
    def url(self) -> str | None:
        return self.kind.url(self.job) if self.kind and self.may_fetch else None

    @property
    def files(self) -> list[str]:
        """Return the names of the files that may be downloaded."""
        if self.job.state != JobState.DONE or not self.may_fetch:
            return []
        return [name for name, count in self.job.files.items() if count]

    @property
    def has_result_file(self) -> bool:
        return RESULT in self.files

    @property
    def report(self) -> JobReport:
        return self.kind.report(self.job) if self.kind and self.may_fetch else JobReport()

    @property
    def report_template(self) -> str:
        return self.kind.template if self.kind and self.may_fetch else ""


def present(reader: Principal, jobs: Iterable[Job]) -> list[PresentedJob]:
    return [present_one(reader, job) for job in jobs]


def present_one(reader: Principal, job: Job) -> PresentedJob:
    kind = find_kind(job.kind)
    return PresentedJob(job, kind, may_fetch=bool(kind and kind.may_fetch(reader, job)))
