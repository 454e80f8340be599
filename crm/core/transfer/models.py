"""Imports: a file on its way to records, and what became of each of its rows."""

import json
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.jobs.models import Job
from crm.core.permissions import WRITE, Module, Principal
from crm.core.text.fields import LineField


class ImportState(models.TextChoices):
    UPLOADING = "uploading", pgettext_lazy("import", "Uploading")
    READING = "reading", pgettext_lazy("import", "Being read")
    MAPPING = "mapping", pgettext_lazy("import", "Columns to be chosen")
    CHECKING = "checking", pgettext_lazy("import", "Being checked")
    CHECKED = "checked", pgettext_lazy("import", "Checked")
    RUNNING = "running", pgettext_lazy("import", "Running")
    DONE = "done", pgettext_lazy("import", "Finished")
    STOPPED = "stopped", pgettext_lazy("import", "Stopped before its end")
    UNDOING = "undoing", pgettext_lazy("import", "Being undone")
    UNDONE = "undone", pgettext_lazy("import", "Undone")
    FAILED = "failed", pgettext_lazy("import", "File was not read")


# Rows were stored, all or some of them.
ENDED = (ImportState.DONE, ImportState.STOPPED)
# Nothing was stored, and nothing is under way.
DISCARDABLE = (
    ImportState.UPLOADING,
    ImportState.MAPPING,
    ImportState.CHECKED,
    ImportState.FAILED,
)


class ImportMode(models.TextChoices):
    BOTH = "both", _("Add new and update existing")
    CREATE = "create", _("Only add new")
    UPDATE = "update", _("Only update existing")


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, principal: Principal) -> "ImportQuerySet":
        """Return one's own imports; to whoever manages the settings, all of the organization."""
        found = self.filter(organization_id=principal.organization_id)
        if principal.may(Module.SETTINGS, WRITE):
            return found
        return found.filter(started_by_id=principal.user_id) if principal.user_id else self.none()

    def for_lists(self) -> "ImportQuerySet":
        """Load what a list shows, without the rows and the reports of each import."""
        shown = ("record", "file_name", "state", "created_at", "started_by__name")
        return self.select_related("started_by").only(*shown)

    def unfinished(self) -> "ImportQuerySet":
        """Return the imports of which no row was stored."""
        begun = [ImportState.RUNNING, *ENDED, ImportState.UNDOING, ImportState.UNDONE]
        return self.exclude(state__in=begun)


class Import(models.Model):
    """An import of a file into the records of ``record``.

    ``encoding`` and ``delimiter`` are how the file was read; both are empty of a workbook.
    ``columns`` are its headings, ``sample`` some of its rows. ``joined_cells`` look like rows that
    a missing quotation mark joined, the first one in ``joined_row``. ``mapping`` has the name of a
    field for each column, "" for one that is skipped. ``key`` is the field by which rows are
    compared with the records that are there. ``preview`` and ``report`` are
    `crm.core.transfer.rows.Report`s.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    record = models.CharField(max_length=40)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.UPLOADING)
    file_name = LineField(max_length=255)
    size = models.PositiveIntegerField()
    encoding = models.CharField(max_length=20, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    columns = models.JSONField(default=list)
    sample = models.JSONField(default=list)
    rows = models.PositiveIntegerField(default=0)
    joined_cells = models.PositiveIntegerField(default=0)
    joined_row = models.PositiveIntegerField(default=0)
    mapping = models.JSONField(default=list)
    mode = models.CharField(max_length=10, choices=ImportMode, default=ImportMode.BOTH)
    key = models.CharField(max_length=60, blank=True)
    preview = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    undo_report = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[ImportQuerySet] = ImportQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    started_by_id: UUID | None
    job_id: UUID | None

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="imports_newest_first"),
            models.Index(fields=["created_at"], name="imports_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.record} · {self.file_name}"

    @property
    def rows_left(self) -> int:
        """Return how many rows an import that was stopped has not looked at."""
        kinds = ("created", "updated", "unchanged", "faulty")
        return self.rows - sum(self.report.get(kind, 0) for kind in kinds) if self.report else 0

    @property
    def is_discardable(self) -> bool:
        return self.state in DISCARDABLE


class PartKind(models.TextChoices):
    """``SOURCE``: the file's bytes; ``ROWS``: rows as texts; ``KEYS``: the keys that stood first in
    a part of the rows, with what there was by them; ``JOURNAL``: what an undo needs; ``FAULTS``:
    the faulty rows, each with the reason after its cells.
    """

    SOURCE = "source"
    ROWS = "rows"
    KEYS = "keys"
    JOURNAL = "journal"
    FAULTS = "faults"


class ImportPart(models.Model):
    """A part of an import's data; all but the source is JSON, compressed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parts")
    kind = models.CharField(max_length=10, choices=PartKind)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = _("part of an import")
        verbose_name_plural = _("parts of imports")
        constraints = [
            models.UniqueConstraint(
                fields=["of", "kind", "number"], name="one_part_per_number_of_an_import"
            )
        ]

    def __str__(self) -> str:
        return f"{self.of_id} · {self.kind} · {self.number}"

    @staticmethod
    def packed(data: Any) -> bytes:
        """Return the content of a part."""
        return zlib.compress(json.dumps(data, ensure_ascii=False, default=str).encode(), 1)

    @staticmethod
    def read(
        of: Import, kind: PartKind, *, first: int = 0, last: int | None = None
    ) -> Iterator[Any]:
        """Yield the data of the parts from ``first`` up to before ``last``, one query each."""
        end = of.parts.filter(kind=kind).count() if last is None else last
        for number in range(first, end):
            content = of.parts.values_list("content", flat=True).get(kind=kind, number=number)
            yield json.loads(zlib.decompress(bytes(content)))
